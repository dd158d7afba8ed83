#!/usr/bin/env python3
"""Proves: the documentation says what the program does. Every bundle in it and every example compiles, shown output is
real output, and each command, option, metric, diagnostic code and reason for a refusal has its entry.

DURWARD_BIN is the program. DURWARD_ACCEPT=1 rewrites console blocks and docs/bundle-reference.md from what the program says
now, and skips their tests.

Blocks in Markdown:
  bundle       a complete bundle
  bundle-part  compiled together with frame.yaml
  diff         a mistake: what to change in examples/minimal
  console      `$ durward ...` lines with their output, run where `wiki` is the bundle last shown on the page, or
               examples/minimal, and `questions.jsonl` the block of that kind
  jsonl        see console
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import reference  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.path.abspath(os.environ.get("DURWARD_BIN", ROOT / "build/durward"))
ACCEPT = os.environ.get("DURWARD_ACCEPT") == "1"
FRAME = (ROOT / "tests/docs/frame.yaml").read_text()
BASE = ROOT / "examples/minimal"
BLOCK = re.compile(r"^```([a-z-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"\b[A-Z]{3}\d{3}\b")
SECONDS_MAX = 60

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.md"), *ROOT.glob("tests/**/*.md")])
PAGES = [page for page in PAGES if "node_modules" not in page.parts]


def run(words, cwd=None, given=None):
    done = subprocess.run([PROGRAM, *words], cwd=cwd, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=SECONDS_MAX, env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False)
    return done.returncode, done.stdout


def name(page):
    return str(page.relative_to(ROOT))


def blocks(page):
    """(kind, text, line) of every fenced block."""
    text = page.read_text()
    for match in BLOCK.finditer(text):
        yield match.group(1), match.group(2), text[:match.start()].count("\n") + 1


def write_bundle(directory, text):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / "bundle.yaml").write_text(text)


def fresh_base(directory):
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(BASE, directory)


def apply_diff(directory, diff):
    """Replaces the lines of a diff block where they stand; they stand in exactly one place."""
    lines = diff.splitlines()
    before = "".join(line[1:] + "\n" for line in lines if line[:1] in ("-", " "))
    after = "".join(line[1:] + "\n" for line in lines if line[:1] in ("+", " "))
    places = [file for file in sorted(directory.glob("*.yaml")) if file.read_text().count(before) == 1]
    if len(places) != 1:
        raise AssertionError(f"stands in {len(places)} files of examples/minimal:\n{before}")
    places[0].write_text(places[0].read_text().replace(before, after))


def play(console, cwd):
    """The console block as it really is."""
    out = []
    for command in re.findall(r"^\$ (.*)$", console, re.MULTILINE):
        words = shlex.split(command)
        if words[0] != "durward":
            raise AssertionError(f"only durward is run here: {command}")
        out.append(f"$ {command}\n{run(words[1:], cwd)[1]}")
    return "".join(out)


def unnamed(text):
    return re.sub(r"generation [0-9a-f]{12}\b", "generation NAME", text)


def options(*command):
    return set(re.findall(r"--[a-z][a-z-]*", run([*command, "--help"])[1])) - {"--help"}


def commands():
    listed = run(["--help"])[1].split("Subcommands:")[1]
    return re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE)


def source_codes():
    """Every diagnostic code of the program -> its title where a table gives one."""
    out = {}
    for file in sorted(ROOT.glob("src/*/*.cc")) + sorted(ROOT.glob("src/*/*.h")):
        if file.name.endswith("_test.cc") or file.parent.name == "testing":
            continue
        text = re.sub(r"//[^\n]*", "", file.read_text())
        if file.name == "codes.h":
            for code, title in re.findall(r'\{\s*"([A-Z]{3}\d{3})",\s*"([^"]*)"\s*\}', text):
                out[code] = title
        else:
            for code in re.findall(r'"([A-Z]{3}\d{3})"', text):
                out.setdefault(code, None)
    return out


class Bundles(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="durward-docs-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.bundle = self.directory / "wiki"

    def assert_valid(self, directory, *words):
        code, text = run(["validate", "--bundle", str(directory), *words])
        self.assertEqual(code, 0, text)
        self.assertRegex(text, r"\b0 warnings\b")

    def test_examples_are_valid_in_every_environment(self):
        examples = [path for path in sorted((ROOT / "examples").iterdir()) if path.is_dir()]
        self.assertGreaterEqual(len(examples), 3)
        for example in examples:
            documents = [doc for file in sorted(example.glob("*.yaml")) for doc in yaml.safe_load_all(file.read_text())]
            environments = [doc["metadata"]["name"] for doc in documents if doc["kind"] == "Environment"]
            for words in [["--env", name] for name in environments] or [[]]:
                with self.subTest(example=example.name, environment=words):
                    self.assert_valid(example, *words)

    def test_blocks_compile_and_shown_output_is_real(self):
        bundles = mistakes = 0
        for page in PAGES:
            found = list(blocks(page))
            fresh_base(self.bundle)
            (self.directory / "questions.jsonl").write_text("".join(text for kind, text, _ in found if kind == "jsonl"))
            for kind, text, line in found:
                with self.subTest(at=f"{name(page)}:{line}"):
                    if kind in ("bundle", "bundle-part"):
                        bundles += 1
                        write_bundle(self.bundle, text if kind == "bundle" else FRAME + "---\n" + text)
                        self.assert_valid(self.bundle)
                    elif kind == "diff":
                        mistakes += 1
                        fresh_base(self.bundle)
                        apply_diff(self.bundle, text)
                    elif kind == "console":
                        self.assert_console(page, text)
        self.assertGreaterEqual(bundles, 4)
        self.assertEqual(mistakes, 10)
        if ACCEPT:
            self.skipTest("rewritten")

    def assert_console(self, page, shown):
        real = play(shown, self.directory)
        if ACCEPT:
            page.write_text(page.read_text().replace(f"```console\n{shown}```", f"```console\n{real}```", 1))
        else:
            # A generation is named by its content, which changes with the program; accept writes the present name.
            self.maxDiff = None
            self.assertEqual(unnamed(real), unnamed(shown))

    def test_the_same_bundle_gives_the_same_bytes(self):
        outputs = set()
        for copy in ("one", "two"):
            shutil.copytree(ROOT / "examples/demo", self.directory / copy)
            outputs.add(run(["render", "--output", "json", "--bundle", copy], self.directory)[1])
        self.assertEqual(len(outputs), 1)


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads(run(["schema"])[1])

    def test_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_what_the_program_takes_satisfies_it(self):
        validator = jsonschema.Draft202012Validator(self.schema)
        texts = {name(file): file.read_text() for file in sorted((ROOT / "examples").glob("**/*.yaml"))}
        for page in PAGES:
            for kind, text, line in blocks(page):
                if kind in ("bundle", "bundle-part"):
                    texts[f"{name(page)}:{line}"] = text
        for where, text in texts.items():
            for document in yaml.safe_load_all(text):
                with self.subTest(where=where, document=document["metadata"]):
                    self.assertEqual([error.message for error in validator.iter_errors(document)], [])

    def test_refuses_what_the_program_refuses(self):
        validator = jsonschema.Draft202012Validator(self.schema)
        good = next(yaml.safe_load_all((BASE / "wiki.yaml").read_text()))
        self.assertTrue(validator.is_valid(good))
        for spoil in (lambda d: d["spec"].update(hostz=["x.example.com"]), lambda d: d.update(kind="Ap"),
                      lambda d: d["spec"]["routes"][0].pop("path"), lambda d: d["metadata"].update(name="My App")):
            bad = json.loads(json.dumps(good))
            spoil(bad)
            self.assertFalse(validator.is_valid(bad), bad)

    def test_the_reference_is_made_from_it(self):
        page = ROOT / "docs/bundle-reference.md"
        made = reference.fill(page.read_text(), self.schema)
        if ACCEPT:
            page.write_text(made)
            self.skipTest("rewritten")
        self.assertEqual(made, page.read_text())


class Completeness(unittest.TestCase):
    def test_every_command_has_its_page_with_every_option(self):
        names = commands()
        self.assertGreater(len(names), 10)
        pages = {page.stem: page for page in ROOT.glob("src/cli/*.md") if page.stem != "README"}
        self.assertEqual(sorted(pages), sorted(names))
        for command in names:
            text = pages[command].read_text()
            self.assertTrue(text.startswith(f"# durward {command}"), command)
            listed = options(command)
            for sub in re.findall(r"^  ([a-z]+) ", (run([command, "--help"])[1] + "Subcommands:\n").split("Subcommands:")[1],
                                  re.MULTILINE):
                listed |= options(command, sub)
            documented = set(re.findall(r"`(--[a-z][a-z-]*)", text))
            self.assertEqual(listed, documented, f"src/cli/{command}.md")

    def test_every_metric_is_documented(self):
        source = (ROOT / "src/app/metrics.cc").read_text()
        real = set(re.findall(r'"(durward_[a-z_]+)"', source))
        page = set(re.findall(r"^\| `(durward_[a-z_]+)", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))
        self.assertEqual(real, page)

    def test_every_diagnostic_code_is_documented(self):
        page = (ROOT / "docs/diagnostics.md").read_text()
        documented = dict(re.findall(r"^\| ([A-Z]{3}\d{3}) \| ([^|]*?) \|", page, re.MULTILINE))
        real = source_codes()
        self.assertEqual(sorted(real), sorted(documented))
        for code, title in real.items():
            if title is not None:
                self.assertEqual(documented[code], title, code)

    def test_every_reason_is_documented(self):
        reasons = re.findall(r"^([a-z_]+) ", run(["render", "--map", "reasons.map", "--bundle", str(BASE)])[1],
                             re.MULTILINE)
        self.assertGreater(len(reasons), 10)
        page = (ROOT / "docs/policy.md").read_text()
        self.assertEqual([reason for reason in reasons if f"| `{reason}` |" not in page], [])

    def test_links_and_paths_lead_somewhere(self):
        for page in PAGES:
            text = page.read_text()
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
                if "://" not in target:
                    with self.subTest(page=name(page), link=target):
                        self.assertTrue((page.parent / target).exists())
        for path in re.findall(r"`((?:src|tests|tools|cmake|docs)/[a-z0-9_./-]+\.[a-z]+)`",
                               (ROOT / "ARCHITECTURE.md").read_text()):
            with self.subTest(path=path):
                self.assertTrue((ROOT / path).exists())


if __name__ == "__main__":
    unittest.main()
