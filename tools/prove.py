#!/usr/bin/env python3
"""./dev prove: the suites at their full size, on new seeds; and whether the suites would see a fault.

  prove.py [--suite S] [--minutes M] [--seed N]   S is a suite, or the first word of several; --list names them
  prove.py --mutants [--only NAME]                builds each fault of tests/mutants/mutants.json in; its run must fail
  prove.py --release BINARY                       no fault can be switched on in this binary

Seeds come first in what it prints, results last. Logs stay in build/results/prove. With --minutes the suites go round
with further seeds until the time is over, and those that count runs end in time.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import tally

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build/results/prove"
MUTANTS = ROOT / "tests/mutants/mutants.json"
JS = ROOT / "tests/js"
SEED_MAX = 2**31 - 1
SUITE_SECONDS_MAX = 6 * 3600
MUTANT_SECONDS = 300
MUTANTS_AT_ONCE = 2


@dataclasses.dataclass(frozen=True)
class Suite:
    """files: of tests/js, for the kind "js"; target: a test binary below build/dev, for "gtest"."""

    name: str
    kind: str
    files: tuple = ()
    target: str = ""
    full: tuple = ()  # (variable, value) of the environment that make it full size
    haproxy3: bool = False
    minutes: int = 90  # the most it may take


def js(name, *files, **more):
    return Suite(name, "js", files=files, **more)


def faults(name):
    return js(f"faults-{name}", f"faults/{name}.test.mjs", full=(("DURWARD_RUNS", "200"),))


DIFFERENTIAL = "tests/differential/durward_differential_test"
FULL_CASES = (("DURWARD_CASES", "100000"),)
SUITES = (
    Suite("differential", "gtest", target=DIFFERENTIAL, full=FULL_CASES),
    faults("crash"),
    faults("haproxy"),
    faults("disk"),
    faults("clock"),
    faults("store"),
    js("e2e", "e2e"),
    js("attacks", "attacks"),
    Suite("tsan", "tsan"),
    Suite("haproxy-3.0-differential", "gtest", target=DIFFERENTIAL, full=FULL_CASES, haproxy3=True),
    js("haproxy-3.0-e2e", "e2e", haproxy3=True),
    js("haproxy-3.0-attacks", "attacks", haproxy3=True),
    js("haproxy-3.0-faults", "faults", full=(("DURWARD_RUNS", "40"),), haproxy3=True),
)


def chosen(word):
    """The suites of that name, or whose name begins with it; all for None."""
    if word is None:
        return list(SUITES)
    return [suite for suite in SUITES if suite.name == word] or [
        suite for suite in SUITES if suite.name.startswith(f"{word}-")]


class Unavailable(Exception):
    """What a suite needs is not on this machine."""


def haproxy3():
    """Debian 13's HAProxy, made runnable here when it is not yet."""
    path = pathlib.Path(os.environ.get("DURWARD_HAPROXY_3", ROOT / "build/haproxy-3.0/haproxy"))
    if path.exists():
        return path
    made = subprocess.run([ROOT / "tools/haproxy-trixie", path.parent], capture_output=True, text=True, check=False)
    if made.returncode != 0 or not path.exists():
        raise Unavailable(f"no HAProxy 3.0: {made.stderr.strip()[-300:]} (or set DURWARD_HAPROXY_3)")
    return path


def js_files(words):
    """Test files: a word is a file, or a folder of them."""
    out = []
    for word in words:
        path = JS / word
        out += sorted(path.glob("*.test.mjs")) if path.is_dir() else [path]
    missing = [path for path in out if not path.exists()]
    if missing or not out:
        raise Unavailable(f"no test file {', '.join(map(str, missing or words))}")
    return [str(path.relative_to(JS)) for path in out]


def node_command(files, *options):
    node = JS / "node_modules/.bin/node"
    return [str(node), "--test", "--test-timeout=0", *options, *files]


def run(command, log, environment, seconds, cwd=ROOT):
    """The exit code, or None when it took longer and was ended with all it started."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        child = subprocess.Popen(command, cwd=cwd, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            return child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            child.wait()
            return None
        except KeyboardInterrupt:
            os.killpg(child.pid, 15)
            raise


def settle_timeout(status):
    return 1 if status is None else status


def run_js(suite, environment, log, seconds):
    report = log.with_suffix(".xml")
    command = node_command(js_files(suite.files), "--test-concurrency=2", "--test-reporter=spec",
                           "--test-reporter-destination=stdout", "--test-reporter=junit",
                           f"--test-reporter-destination={report}")
    status = run(command, log, {"DURWARD_BIN": str(ROOT / "build/dev/src/bin/durward"), **environment}, seconds, JS)
    return tally.junit(report, settle_timeout(status))


def run_gtest(suite, environment, log, seconds):
    reports = log.with_suffix(".gtest")
    reports.mkdir(parents=True, exist_ok=True)
    command = [str(ROOT / "build/dev" / suite.target), "--seed", environment["DURWARD_SEED"]]
    status = run(command, log, {"GTEST_OUTPUT": f"json:{reports}/", **environment}, seconds)
    passed, failed, skipped, _ = tally.gtest_cases(reports)
    return tally.settle(passed, failed, skipped, settle_timeout(status))


def run_tsan(_, environment, log, seconds):
    build = ROOT / "build/tsan"
    steps = [] if (build / "build.ninja").exists() else [["cmake", "--preset", "tsan"]]
    steps.append(["ninja", "-C", str(build), "--quiet"])
    for step in steps:
        if run(step, log, {}, seconds) != 0:
            raise Unavailable(f"the tsan preset does not build: see {log}")
    reports = log.with_suffix(".gtest")
    junit = log.with_suffix(".xml")
    reports.mkdir(parents=True, exist_ok=True)
    command = ["ctest", "--test-dir", str(build), "-j", str(os.cpu_count()), "--output-on-failure",
               "--no-tests=error", "--output-junit", str(junit)]
    status = run(command, log, {"GTEST_OUTPUT": f"json:{reports}/", **environment}, seconds)
    return tally.ctest(junit, reports, settle_timeout(status))


RUNNERS = {"js": run_js, "gtest": run_gtest, "tsan": run_tsan}


def prove_one(suite, seed, log, seconds_left):
    """(passed, failed, skipped, what to say)"""
    environment = {"DURWARD_SEED": str(seed), **dict(suite.full)}
    seconds = suite.minutes * 60
    if seconds_left is not None:
        environment["DURWARD_SECONDS"] = str(max(1, int(seconds_left)))
    try:
        if suite.haproxy3:
            environment["DURWARD_HAPROXY"] = str(haproxy3())
        return (*RUNNERS[suite.kind](suite, environment, log, seconds), "")
    except Unavailable as error:
        return 0, 1, 0, f"did not run: {error}"


def summary(log):
    """What the suites themselves put in one line about their runs."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return re.findall(r"^.*?\b((?:faults-[\w.-]+|differential): .*)$", text, re.MULTILINE)


def prove(suites, seed, minutes):
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    numbers = random.Random(seed)
    end = None if minutes is None else time.monotonic() + minutes * 60
    print(f"seed {seed}; the same again: ./dev prove --seed {seed}", flush=True)
    totals, round_number = [], 0
    while True:
        round_number += 1
        plan = [(suite, numbers.randrange(1, SEED_MAX)) for suite in suites]
        for suite, own in plan:
            print(f"  round {round_number} {suite.name:26} seed {own}", flush=True)
        for suite, own in plan:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0 and round_number > 1:
                break
            log = RESULTS / f"{suite.name}-{round_number}.log"
            began = time.monotonic()
            passed, failed, skipped, said = prove_one(suite, own, log, left)
            took = int(time.monotonic() - began)
            print(f"{suite.name:26} {passed:6} passed {failed:4} failed {took:6} s  {said}", flush=True)
            for line in summary(log):
                print(f"    {line}", flush=True)
            totals.append((suite, own, passed, failed, skipped, log))
        if end is None or time.monotonic() >= end:
            return close(totals)


def close(totals):
    for suite, own, _, failed, _, log in totals:
        if failed:
            print(f"FAILED {suite.name}, seed {own}: {log}")
    passed, failed = sum(t[2] for t in totals), sum(t[3] for t in totals)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


# ---- mutants -------------------------------------------------------------------------------------------


def mutant_command(what):
    """(command, working directory) of an entry's run."""
    kind = what["kind"]
    if kind == "gtest":
        found = sorted((ROOT / "build/dev").glob(f"*/*/{what['target']}"))
        if not found:
            raise Unavailable(f"no test binary {what['target']}")
        return [str(found[0]), f"--gtest_filter={what.get('filter', '*')}"], ROOT
    if kind == "differential":
        return [str(ROOT / "build/dev" / DIFFERENTIAL), *what.get("arguments", [])], ROOT
    if kind == "js":
        name = [f"--test-name-pattern={what['name']}"] if "name" in what else []
        return node_command(js_files([what["file"].removeprefix("tests/js/")]), *name), JS
    raise Unavailable(f"no kind of run '{kind}'")


def ran_something(log):
    text = log.read_text(errors="replace")
    return not re.search(r"\[  PASSED  \] 0 tests|^(?:# pass|ℹ pass) 0$", text, re.MULTILINE)


def run_mutant(what, name, log):
    """'passed', 'failed', 'timeout' or 'nothing ran'."""
    command, cwd = mutant_command(what)
    build = tempfile.mkdtemp(prefix="durward-")  # short: unix sockets live below it
    environment = {"DURWARD_BIN": str(ROOT / "build/dev/src/bin/durward"), "DURWARD_BUILD_DIR": build,
                   **what.get("environment", {}), **({"DURWARD_MUTANT": name} if name else {})}
    try:
        status = run(command, log, environment, what.get("seconds", MUTANT_SECONDS), cwd)
    finally:
        end_left_over(build)
        shutil.rmtree(build, ignore_errors=True)
    if status is None:
        return "timeout"
    if status:
        return "failed"
    return "passed" if ran_something(log) else "nothing ran"


def end_left_over(build):
    """A suite that was ended in the middle leaves its HAProxy: those that name this directory go."""
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if f"{build}/".encode() in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), 9)


def judge_baseline(outcome):
    return "" if outcome == "passed" else f"its run does not pass without the mutant: {outcome}"


def judge(outcome, what):
    """(killed, word)"""
    if outcome == "failed" or (outcome == "timeout" and what.get("timeoutKills")):
        return True, "killed"
    return False, {"passed": "SURVIVED", "timeout": "SURVIVED (time out)"}.get(outcome, f"SURVIVED ({outcome})")


def prove_mutants(only):
    entries = [entry for entry in json.loads(MUTANTS.read_text()) if only is None or entry["name"] == only]
    shutil.rmtree(RESULTS / "mutants", ignore_errors=True)
    runs = {json.dumps(entry["run"], sort_keys=True): entry["run"] for entry in entries}

    def baseline(item):
        number, (key, what) = item
        try:
            return key, judge_baseline(run_mutant(what, None, RESULTS / f"mutants/baseline-{number}.log"))
        except Unavailable as error:
            return key, str(error)

    def one(entry):
        began = time.monotonic()
        wrong = baselines[json.dumps(entry["run"], sort_keys=True)]
        if wrong:
            return entry, False, wrong, 0
        killed, word = judge(run_mutant(entry["run"], entry["name"], RESULTS / f"mutants/{entry['name']}.log"),
                             entry["run"])
        return entry, killed, word, int(time.monotonic() - began)

    killed = 0
    with concurrent.futures.ThreadPoolExecutor(MUTANTS_AT_ONCE) as pool:
        print(f"{len(runs)} runs must pass as they are, then fail with each of {len(entries)} mutants", flush=True)
        baselines = dict(pool.map(baseline, enumerate(runs.items())))
        for entry, dead, word, took in pool.map(one, entries):
            killed += dead
            print(f"{entry['name']:34} {entry['suite']:14} {took:4} s  {word}", flush=True)
    print(f"{killed} passed, {len(entries) - killed} failed")
    return 0 if killed == len(entries) and entries else 1


def check_release(binary):
    data = pathlib.Path(binary).read_bytes()
    names = ["DURWARD_MUTANT"] + [entry["name"] for entry in json.loads(MUTANTS.read_text())]
    found = [name for name in names if name.encode() + b"\0" in data]
    for name in found:
        print(f"prove.py: {binary} holds the mutant '{name}'")
    return 1 if found else 0


def main(words):
    parser = argparse.ArgumentParser(prog="./dev prove", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", help="a suite, or the first word of several")
    parser.add_argument("--minutes", type=float, help="go round with further seeds for so long")
    parser.add_argument("--seed", type=int, help="of the seeds; new when it is not given")
    parser.add_argument("--mutants", action="store_true", help="each planted fault must be seen")
    parser.add_argument("--only", help="with --mutants: this one")
    parser.add_argument("--list", action="store_true", help="the suites")
    parser.add_argument("--release", metavar="BINARY", help="no fault can be switched on in it")
    options = parser.parse_args(words)
    if options.list:
        print("\n".join(suite.name for suite in SUITES))
        return 0
    if options.release:
        return check_release(options.release)
    if options.mutants:
        return prove_mutants(options.only)
    suites = chosen(options.suite)
    if not suites:
        parser.error(f"no suite '{options.suite}'; --list names them")
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1, SEED_MAX)
    return prove(suites, seed, options.minutes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
