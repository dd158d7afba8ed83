#!/usr/bin/env python3
"""Turns what the test runners report into counts, and the counts into the closing line of ./dev test.

Each runner's count is one line "PASSED FAILED SKIPPED". A runner that exits non-zero without a failure of its own
counts as one failure, so that a crash is never a pass.
"""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree


def settle(passed, failed, skipped, status):
    if status != 0 and failed == 0:
        failed = 1
    return passed, failed, skipped


def gtest_cases(directory):
    passed = failed = skipped = 0
    binaries = set()
    for path in sorted(pathlib.Path(directory).glob("*.json")):
        binaries.add(path.stem)
        report = json.loads(path.read_text())
        for suite in report["testsuites"]:
            for case in suite["testsuite"]:
                if case.get("result") == "SKIPPED":
                    skipped += 1
                elif case.get("status") == "NOTRUN":
                    continue
                elif case.get("failures"):
                    failed += 1
                else:
                    passed += 1
    return passed, failed, skipped, binaries


def ctest(report, gtest_directory, status):
    """gtest's cases, and each ctest entry that is no gtest binary (or a gtest binary that died before it reported)."""
    passed, failed, skipped, binaries = gtest_cases(gtest_directory)
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = case.get("name", "")
        reported = f"durward_{name.removeprefix('unit_')}_test" in binaries
        if case.find("failure") is not None:
            failed += 0 if reported and failed else 1
        elif case.find("skipped") is not None:
            skipped += 1
        elif not reported:
            passed += 1
    return settle(passed, failed, skipped, status)


def junit(report, status):
    passed = failed = skipped = 0
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return 0, 1, 0
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return settle(passed, failed, skipped, status)


def unittest_log(log, status):
    text = pathlib.Path(log).read_text()
    ran = re.search(r"^Ran (\d+) tests?", text, re.MULTILINE)
    total = int(ran.group(1)) if ran else 0
    failed = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", text))
    return settle(total - failed, failed, 0, status)


def total(directory):
    passed = failed = skipped = 0
    for path in sorted(pathlib.Path(directory).glob("*.count")):
        counts = [int(word) for word in path.read_text().split()]
        print(f"{path.stem:12} {counts[0]:6} passed {counts[1]:4} failed")
        passed += counts[0]
        failed += counts[1]
        skipped += counts[2] if len(counts) > 2 else 0
    if passed + failed == 0:
        print("nothing ran")
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main(words):
    what, rest = words[0], words[1:]
    if what == "sum":
        return total(rest[0])
    if what == "show":
        counts = [int(word) for word in pathlib.Path(rest[0]).read_text().split()]
        print(f"{counts[0]} passed, {counts[1]} failed")
        return 1 if counts[1] or not counts[0] else 0
    if what == "ctest":
        counts = ctest(rest[0], rest[1], int(rest[2]))
    elif what == "junit":
        counts = junit(rest[0], int(rest[1]))
    elif what == "unittest":
        counts = unittest_log(rest[0], int(rest[1]))
    elif what == "exit":
        counts = (0, 1, 0) if int(rest[0]) else (1, 0, 0)
    else:
        raise SystemExit(f"tally.py: no kind of report '{what}'")
    print(*counts)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
