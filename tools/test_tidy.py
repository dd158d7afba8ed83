"""Proves: each check of tidy.py finds what it is for, at the right line, and says nothing about a clean tree."""

import json
import pathlib
import tempfile
import unittest

import tidy


class TidyTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.temporary.name)
        lines = [f"add_subdirectory({name})\n" for name in ("base", "sys", "policy")]
        self.write("src/CMakeLists.txt", "".join(lines))
        for name, depends in (("base", ""), ("sys", "DEPENDS base"), ("policy", "DEPENDS base")):
            self.write(f"src/{name}/CMakeLists.txt", f"durward_module({name} {depends}\n  SOURCES a.cc)\n")
            self.write(f"src/{name}/README.md", "What it is.\n")
            space = "durward" if name == "base" else f"durward::{name}"
            self.write(f"src/{name}/a.cc", f"namespace {space} {{\nint f() {{\n  return 1;\n}}\n}}\n")

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def finds(self, *parts):
        problems = tidy.check(self.root)
        found = any(all(part in problem for part in parts) for problem in problems)
        self.assertTrue(found, f"{parts} not in {problems}")

    def test_a_clean_tree_has_no_problems(self):
        self.assertEqual(tidy.check(self.root), [])

    def test_names(self):
        self.write("src/policy/b.cc", "namespace durward::other {}\n")
        self.finds("src/policy/b.cc", "not listed")
        self.finds("src/policy/b.cc", "namespace durward::policy")
        self.write("src/sys/CMakeLists.txt", "durward_module(system\n  SOURCES a.cc)\n")
        self.finds("src/sys/CMakeLists.txt", "durward_module(sys")
        (self.root / "src/base/README.md").unlink()
        self.finds("src/base", "README")

    def test_layers(self):
        self.write("src/base/a.cc", '#include "sys/clock.h"\nnamespace durward {}\n')
        self.finds("src/base/a.cc:1", "includes point up")
        self.write("src/policy/a.cc", '#include "sys/clock.h"\nnamespace durward::policy {}\n')
        self.finds("src/policy/a.cc:1", "pure")
        self.finds("src/policy/a.cc:1", "CMake does not name sys")

    def test_cycles_are_named(self):
        self.assertEqual(tidy.cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}}), [["a", "b", "c", "a"]])
        self.assertEqual(tidy.cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()}), [])

    def test_sizes(self):
        body = "  g();\n" * 71
        self.write("src/policy/a.cc", f"namespace durward::policy {{\nvoid f() {{\n{body}}}\n}}\n")
        self.finds("src/policy/a.cc:2", "function of 73 lines")
        self.write("src/policy/a.cc", "namespace durward::policy {\n// " + "x" * 130 + "\n}\n")
        self.finds("src/policy/a.cc:2", "columns")
        self.write("src/policy/a.cc", "namespace durward::policy {\n" + "int x();\n" * 500 + "}\n")
        self.finds("src/policy/a.cc", "502 lines")

    def test_functions_are_found_in_classes_and_not_in_data(self):
        code = (
            "namespace n {\nclass C {\n public:\n  C() : a_(1) {\n  }\n  int a_{1};\n};\n"
            "int t[] = {\n 1,\n 2};\nauto f() {\n auto l = [] {\n };\n}\n}\n"
        )
        self.assertEqual([first for first, _ in tidy.functions(tidy.strip(code))], [4, 11])

    def test_bans_hold_outside_their_folder_and_not_in_comments_or_strings(self):
        code = (
            'namespace durward::%s {\n// system_clock::now\nconst char* s = "getenv(";\n'
            "auto n = std::chrono::system_clock::now();\n}\n"
        )
        self.write("src/sys/a.cc", code % "sys")
        self.assertEqual(tidy.check(self.root), [])
        self.write("src/policy/a.cc", code % "policy")
        self.assertEqual([p.split(" ")[0] for p in tidy.check(self.root)], ["src/policy/a.cc:4:"])
        self.write("src/policy/a.cc", "namespace durward::policy {\n// TODO later\n}\n")
        self.finds("src/policy/a.cc:2", "TODO")

    def test_proofs(self):
        cmake = "durward_module(policy DEPENDS base\n  SOURCES a.cc\n  TESTS a_test.cc)\n"
        self.write("src/policy/CMakeLists.txt", cmake)
        self.write("src/policy/a_test.cc", "namespace durward::policy {}\n")
        self.finds("src/policy/a_test.cc", "Proves")
        self.write("src/policy/a.cc", 'namespace durward::policy {\nconst char* c = "POL001";\n}\n')
        self.finds("POL001", "golden")
        self.write("tests/golden/policy/a.txt", "error[POL001]\n")
        self.assertFalse(any("POL001" in problem for problem in tidy.check(self.root)))

    def test_a_bound_too_high_for_a_golden_file_is_proven_by_a_test_of_bounds(self):
        self.write("src/policy/a.cc", 'namespace durward::policy {\nconst char* c = "POL002";\n}\n')
        self.finds("POL002", "golden")
        self.write("src/policy/bounds_test.cc", "// Proves: POL002.\nnamespace durward::policy {}\n")
        self.assertFalse(any("POL002" in problem for problem in tidy.check(self.root)))

    def test_mutants_are_listed_and_the_listed_are_planted(self):
        self.write("src/policy/a.cc", 'namespace durward::policy {\nbool f() {\n  return mutant("one");\n}\n}\n')
        self.finds("src/policy/a.cc", "'one' is not in")
        run = {"kind": "gtest", "target": "durward_policy_test"}
        entry = {"name": "one", "breaks": "It.", "suite": "s", "run": run}
        self.write("tests/mutants/mutants.json", json.dumps([entry]))
        self.assertEqual(tidy.check(self.root), [])
        self.write("tests/mutants/mutants.json", json.dumps([entry, entry | {"name": "two"}]))
        self.finds("'two' is nowhere")
        self.write("tests/mutants/mutants.json", json.dumps([entry, entry]))
        self.finds("'one' must be", "once")
        self.write("tests/mutants/mutants.json", json.dumps([entry | {"run": {"kind": "js", "file": "tests/js/no"}}]))
        self.finds("'one': there is no tests/js/no")
        self.write("tests/mutants/mutants.json", json.dumps([entry | {"run": {"kind": "gtest"}}]))
        self.finds("'one' lacks")

    def test_lock_file(self):
        self.write("tests/js/package.json", '{"devDependencies": {"a": "^1.0.0"}}')
        self.write("tests/js/package-lock.json", '{"resolved": "x"}')
        self.finds("package.json", "exact version")
        self.finds("package-lock.json", "registry")


if __name__ == "__main__":
    unittest.main()
