#!/usr/bin/env python3
"""The habits that a program can see, checked: run by ./dev test, reports everything at once.

  names      folder = namespace = CMake target, every source listed by name, a README of at most 20 lines
  layers     includes only of modules that CMake names, all above; no cycles; the pure modules never see the system
  size       lines, files and functions that fit on a screen
  bans       time, randomness, files and sockets only through sys/; no printing below the surfaces; no leftovers
  proofs     each test says what it proves; each diagnostic code has a case
  mutants    each fault that can be built in is in tests/mutants/mutants.json, and nothing else is
  lock file  exact versions and no registry's address
"""

import json
import pathlib
import re
import sys

LINE_MAX = 120
FUNCTION_MAX = 70
FILE_MAX = 500
TEST_FILE_MAX = 900
README_MAX = 20

PURE = ("bundle", "model", "policy", "generation", "importer")
SURFACES = ("cli", "bin")  # only these print
CASE_FOLDERS = ("bundle", "model", "policy", "generation", "importer")  # whose codes need a golden case

BANS = [
    (r"\bsystem_clock::now\b", "take a sys::Clock&", ("sys",)),
    (r"\brandom_device\b", "take a sys::Random&", ("sys",)),
    (r"\bfopen\s*\(", "use sys::FileStore", ("sys",)),
    (r"(?<![\w>.])::connect\s*\(", "use sys/unix_socket.h", ("sys",)),
    (r"\bgetenv\s*\(", "pass the value in", ("sys", "mutant.cc")),  # which release builds leave out
    (r"\bfmt::print\b|\bstd::(?:cout|cerr|clog|printf|puts)\b|#include <iostream>", "surfaces print", SURFACES),
    (r"^\s*(?:mutable\s+)?std::(?:recursive_|shared_)?mutex\s+\w+\s*[;{]", "use Guarded<T>", ("base",)),
    (r"\bbool (?:dry_run|check_only)\b", "stop the pipeline early instead", ()),
    (r"\binstance\(\)", "pass the object in", ()),
    (r"\busing namespace (?!std::\w*literals)", "name what you use", ()),
    (r"\b(?:TODO|FIXME|XXX)\b", "do it, or file an issue", ()),
]


class Report:
    def __init__(self):
        self.problems = []

    def add(self, where, text):
        self.problems.append(f"{where}: {text}")


def strip(text):
    """The text with comments and the insides of literals blanked; positions and line breaks stay."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"([^()\\ ]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.DOTALL)

    def blank(match):
        word = match.group(0)
        edge = word[0] if word[0] in "\"'" else " "
        inner = "".join(c if c == "\n" else " " for c in word[1:-1])
        return edge + inner + edge if len(word) > 1 else word

    return pattern.sub(blank, text)


def functions(text):
    """(first line, length) of each function body, by the braces; `text` is stripped."""
    found = []
    stack = []  # (is a function, line of the brace)
    start = 0
    line = 1
    for position, char in enumerate(text):
        if char == "\n":
            line += 1
        elif char == ";" or (char == ":" and text[start:position].strip() in ("public", "private", "protected")):
            start = position + 1
        elif char == "{":
            inside = any(is_function for is_function, _ in stack)
            head = text[start:position].strip()
            is_function = not inside and is_function_head(head)
            stack.append((is_function, line))
            start = position + 1
        elif char == "}" and stack:
            is_function, first = stack.pop()
            if is_function:
                found.append((first, line - first + 1))
            start = position + 1
    return found


def is_function_head(head):
    if "(" not in head or re.match(r"^(?:namespace|enum|union)\b", head):
        return False
    if re.match(r"^(?:template\s*<[^{]*>\s*)?(?:class|struct)\b[^(]*$", head):
        return False
    return not re.search(r"=\s*$", head)


class Module:
    def __init__(self, folder, cmake):
        self.name = folder.name
        self.folder = folder
        words = cmake.split()
        self.declared = re.search(r"durward_module\(\s*([\w-]+)", cmake)
        self.depends = keyword_words(words, "DEPENDS")
        self.listed = set(keyword_words(words, "SOURCES")) | set(keyword_words(words, "TESTS"))


def keyword_words(words, keyword):
    """The words after a keyword of durward_module(), up to the next keyword."""
    out = []
    taking = False
    for word in words:
        bare = word.strip("()")
        if bare in ("DEPENDS", "LIBRARIES", "SOURCES", "TESTS"):
            taking = bare == keyword
        elif taking and bare:
            out.append(bare)
        if word.endswith(")"):
            taking = False
    return out


def modules_of(source):
    text = (source / "CMakeLists.txt").read_text()
    order = re.findall(r"^add_subdirectory\((\w+)\)", text, re.MULTILINE)
    files = {name: source / name / "CMakeLists.txt" for name in order}
    return {name: Module(file.parent, file.read_text()) for name, file in files.items() if file.exists()}


def reachable(modules, name, seen=None):
    seen = set() if seen is None else seen
    for dependency in modules[name].depends if name in modules else ():
        if dependency not in seen:
            seen.add(dependency)
            reachable(modules, dependency, seen)
    return seen


def sources(folder):
    return sorted(path for path in folder.rglob("*") if path.suffix in (".cc", ".h"))


def check_names(root, modules, report):
    for name, module in modules.items():
        where = module.folder.relative_to(root)
        files = sources(module.folder)
        if not files:
            continue
        if name != "bin" and (not module.declared or module.declared.group(1) != name):
            report.add(where / "CMakeLists.txt", f"the target must be durward_module({name} ...), like the folder")
        readme = module.folder / "README.md"
        if not readme.exists():
            report.add(where, "no README.md")
        elif len(readme.read_text().splitlines()) > README_MAX:
            report.add(where / "README.md", f"longer than {README_MAX} lines")
        if "GLOB" in (module.folder / "CMakeLists.txt").read_text():
            report.add(where / "CMakeLists.txt", "list sources by name; no GLOB")
        for path in files:
            relative = path.relative_to(module.folder).as_posix()
            if path.suffix == ".cc" and name != "bin" and relative not in module.listed:
                report.add(path.relative_to(root), "not listed in its CMakeLists.txt")
            wanted = "namespace durward" if name in ("base", "bin") else f"namespace durward::{name}"
            if path.name.endswith("_test.cc"):
                wanted = "namespace durward"
            if name != "bin" and wanted not in path.read_text():
                report.add(path.relative_to(root), f"must be in {wanted}, like its folder")


def includes(path):
    """(line, module, header) of each include of ours."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'#include "(\w+)/([^"]+)"', line)
        if match:
            yield number, match.group(1), match.group(2)


def check_layers(root, modules, report):
    order = list(modules)
    graph = {name: set() for name in modules}
    for name, module in modules.items():
        allowed = reachable(modules, name) | {name}
        for path in sources(module.folder):
            where = path.relative_to(root)
            is_test = path.name.endswith("_test.cc")
            for number, other, header in includes(path):
                if other == "testing" and is_test:
                    continue
                if other not in modules:
                    report.add(f"{where}:{number}", f'"{other}/{header}" is of no module')
                    continue
                if not is_test:
                    graph[name].add(other)
                if order.index(other) > order.index(name):
                    report.add(f"{where}:{number}", f"{other} is below {name}: includes point up")
                elif other not in allowed and name != "bin" and not is_test:
                    report.add(f"{where}:{number}", f"CMake does not name {other} among what {name} depends on")
                if name in PURE and other == "sys" and not is_test:
                    report.add(f"{where}:{number}", f"{name} is pure: it is handed bytes and never asks the system")
    for cycle in cycles(graph):
        report.add("src", "include cycle: " + " -> ".join(cycle))


def cycles(graph):
    found = []
    state = {}

    def visit(node, trail):
        state[node] = "open"
        for following in sorted(graph.get(node, ())):
            if following == node:
                continue
            if state.get(following) == "open":
                found.append(trail[trail.index(following):] + [following])
            elif following not in state:
                visit(following, trail + [following])
        state[node] = "done"

    for node in sorted(graph):
        if node not in state:
            visit(node, [node])
    return found


def check_sizes(root, paths, report):
    for path in paths:
        where = path.relative_to(root)
        text = path.read_text()
        lines = text.splitlines()
        is_test = path.name.endswith(("_test.cc", ".test.mjs"))
        limit = TEST_FILE_MAX if is_test else FILE_MAX
        if len(lines) > limit:
            report.add(where, f"{len(lines)} lines; one concern fits in {limit}")
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_MAX and path.suffix != ".mjs":
                report.add(f"{where}:{number}", f"{len(line)} columns; at most {LINE_MAX}")
        if path.suffix in (".cc", ".h") and not is_test:
            for first, length in functions(strip(text)):
                if length > FUNCTION_MAX:
                    report.add(f"{where}:{first}", f"a function of {length} lines; at most {FUNCTION_MAX}")


def check_bans(root, modules, report):
    for name, module in modules.items():
        for path in sources(module.folder):
            if path.name.endswith("_test.cc"):
                continue
            original = path.read_text()
            code = strip(original)
            for pattern, instead, exempt in BANS:
                text = original if "TODO" in pattern else code
                if name in exempt or path.name in exempt:
                    continue
                for match in re.finditer(pattern, text, re.MULTILINE):
                    number = text.count("\n", 0, match.start()) + 1
                    word = match.group(0).strip()
                    report.add(f"{path.relative_to(root)}:{number}", f"'{word}' is banned here: {instead}")


def check_proofs(root, modules, report):
    golden = [path for path in sorted((root / "tests" / "golden").rglob("*")) if path.is_file()]
    cases = "".join(path.read_text(errors="replace") for path in golden)
    for name, module in modules.items():
        for path in sources(module.folder):
            if path.name.endswith("_test.cc") and not re.match(r"// Proves: \S", path.read_text()):
                report.add(path.relative_to(root), 'must open with "// Proves: ..."')
        if name not in CASE_FOLDERS:
            continue
        codes, bounds = set(), ""
        for path in sources(module.folder):
            if path.name == "bounds_test.cc":
                bounds = path.read_text()  # bounds too high for a file of a bundle are passed with lower ones
            elif not path.name.endswith("_test.cc"):
                codes |= set(re.findall(r'"([A-Z]{3}\d{3})"', path.read_text()))
        for code in sorted(codes):
            if code not in cases and code not in bounds:
                report.add(f"src/{name}", f"{code} has no golden case under tests/golden")
    for path in [*(root / "tests").rglob("*_test.cc"), *(root / "tests" / "js").rglob("*.test.mjs")]:
        if "node_modules" not in path.parts and not re.match(r"// Proves: \S", path.read_text()):
            report.add(path.relative_to(root), 'must open with "// Proves: ..."')


MUTANT_KINDS = {"gtest": "target", "js": "file", "differential": "kind"}  # of run, and what it must name


def check_mutants(root, modules, report):
    planted = {}
    for module in modules.values():
        for path in [path for path in sources(module.folder) if not path.name.endswith("_test.cc")]:
            for name in re.findall(r'(?<!bool )\bmutant\("([^"]*)"\)', path.read_text()):
                planted.setdefault(name, path.relative_to(root))
    listing = root / "tests/mutants/mutants.json"
    entries = json.loads(listing.read_text()) if listing.exists() else []
    names = [entry.get("name", "") for entry in entries]
    for name in sorted(set(planted) - set(names)):
        report.add(planted[name], f"the mutant '{name}' is not in {listing.relative_to(root)}")
    for entry in entries:
        name, what = entry.get("name", ""), entry.get("run", {})
        if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", name) or names.count(name) > 1:
            report.add(listing.relative_to(root), f"'{name}' must be words-with-hyphens, once")
        if name not in planted:
            report.add(listing.relative_to(root), f"the mutant '{name}' is nowhere in src/")
        if not (entry.get("breaks") and entry.get("suite") and what.get(MUTANT_KINDS.get(what.get("kind")))):
            report.add(listing.relative_to(root), f"'{name}' lacks breaks, suite, or a run: see its README")
        if what.get("kind") == "js" and not (root / str(what.get("file"))).is_file():
            report.add(listing.relative_to(root), f"'{name}': there is no {what.get('file')}")


def check_lock_file(root, report):
    package, lock = root / "tests/js/package.json", root / "tests/js/package-lock.json"
    if not package.exists():
        return
    for name, version in json.loads(package.read_text()).get("devDependencies", {}).items():
        if not re.fullmatch(r"\d+\.\d+\.\d+", version):
            report.add(package.relative_to(root), f"{name} must have an exact version, not '{version}'")
    if '"resolved"' in lock.read_text():
        report.add(lock.relative_to(root), "names a registry: write it with omit-lockfile-registry-resolved")


def check(root):
    report = Report()
    modules = modules_of(root / "src")
    scripts = [path for path in sorted((root / "tests" / "js").rglob("*.mjs")) if "node_modules" not in path.parts]
    crossing = [path for path in sources(root / "tests") if "node_modules" not in path.parts]
    everything = sources(root / "src") + crossing + scripts + sorted((root / "tools").glob("*.py"))
    check_names(root, modules, report)
    check_layers(root, modules, report)
    check_sizes(root, everything, report)
    check_bans(root, modules, report)
    check_proofs(root, modules, report)
    check_mutants(root, modules, report)
    check_lock_file(root, report)
    return report.problems


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    problems = check(root)
    for problem in problems:
        print(f"tidy: {problem}")
    print(f"tidy: {len(problems)} problems" if problems else "tidy: nothing to say")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
