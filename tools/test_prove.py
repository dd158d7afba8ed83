"""Proves: prove.py says what it runs before and how it went after; a suite that did not run, a run that ran nothing,
and a mutant that nobody saw are never a pass."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest
from unittest import mock

import prove


class ProveTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.temporary.name)
        for name, value in (("RESULTS", self.root / "results"), ("MUTANTS", self.root / "mutants.json")):
            patch = mock.patch.object(prove, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def tearDown(self):
        self.temporary.cleanup()

    def said(self, function, *arguments):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = function(*arguments)
        return status, out.getvalue()

    def script(self, text):
        path = self.root / "run.sh"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return [str(path)]

    def test_a_suite_is_named_whole_or_by_its_first_word(self):
        self.assertEqual([s.name for s in prove.chosen("faults-disk")], ["faults-disk"])
        self.assertGreater(len(prove.chosen("faults")), 3)
        self.assertEqual([s.name for s in prove.chosen("differential")], ["differential"])
        self.assertEqual(prove.chosen("fault"), [])
        self.assertEqual(len(prove.chosen(None)), len({s.name for s in prove.SUITES}))

    def prove_with(self, outcome, minutes=None, seed=7):
        seen = []

        def runner(suite, environment, log, seconds):
            seen.append((suite.name, environment["DURWARD_SEED"], "DURWARD_SECONDS" in environment))
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        with mock.patch.dict(prove.RUNNERS, {"js": runner}):
            return (*self.said(prove.prove, prove.chosen("attacks"), seed, minutes), seen)

    def test_seeds_first_results_last_and_the_same_seed_is_the_same_run(self):
        status, out, seen = self.prove_with((5, 0, 0))
        self.assertEqual(status, 0)
        self.assertTrue(out.startswith("seed 7"))
        self.assertEqual(out.splitlines()[-1], "5 passed, 0 failed")
        self.assertEqual(seen, self.prove_with((5, 0, 0))[2])
        self.assertNotEqual(seen, self.prove_with((5, 0, 0), seed=8)[2])

    def test_a_failure_names_the_seed_and_the_log(self):
        status, out, seen = self.prove_with((4, 1, 0))
        self.assertEqual(status, 1)
        self.assertIn(f"FAILED attacks, seed {seen[0][1]}", out)

    def test_a_suite_that_could_not_run_or_ran_nothing_failed(self):
        status, out, _ = self.prove_with(prove.Unavailable("no such thing"))
        self.assertEqual(status, 1)
        self.assertIn("did not run: no such thing", out)
        self.assertEqual(self.prove_with((0, 0, 0))[0], 1)

    def test_minutes_bound_the_rounds(self):
        clock = iter([0.0] + [30.0 * i for i in range(40)])
        with mock.patch.object(prove.time, "monotonic", lambda: next(clock)):
            _, out, seen = self.prove_with((1, 0, 0), minutes=3)
        self.assertGreater(len(seen), 1)
        self.assertLess(len(seen), 7)
        self.assertTrue(all(bounded for _, _, bounded in seen))

    def test_a_run_that_takes_too_long_is_ended_with_its_children(self):
        log = self.root / "log"
        self.assertIsNone(prove.run(self.script("sleep 60 & sleep 60"), log, {}, 0.2))
        self.assertEqual(prove.run(self.script('exit "$CODE"'), log, {"CODE": "3"}, 5), 3)

    def mutants(self, text, **more):
        entry = {"name": "one", "breaks": "It.", "suite": "s", "run": {"kind": "gtest", "target": "t", **more}}
        self.mutants_file = prove.MUTANTS.write_text(json.dumps([entry]))
        command = (self.script(text), self.root)
        with mock.patch.object(prove, "mutant_command", lambda what: command):
            return self.said(prove.prove_mutants, None)

    def test_a_mutant_is_killed_by_a_run_that_passes_without_it(self):
        status, out = self.mutants('[ "$DURWARD_MUTANT" != one ]')
        self.assertEqual(status, 0, out)
        self.assertEqual(out.splitlines()[-1], "1 passed, 0 failed")

    def test_a_survivor_a_broken_run_and_an_empty_one_fail(self):
        for text, word in (("exit 0", "SURVIVED"), ("exit 1", "does not pass without"),
                           ("echo '[  PASSED  ] 0 tests.'", "nothing ran")):
            status, out = self.mutants(text)
            self.assertEqual(status, 1)
            self.assertIn(word, out)
            self.assertEqual(out.splitlines()[-1], "0 passed, 1 failed")

    def test_a_time_out_kills_only_when_the_entry_says_so(self):
        hang = '[ "$DURWARD_MUTANT" != one ] || sleep 60'
        self.assertIn("time out", self.mutants(hang, seconds=0.5)[1])
        self.assertEqual(self.mutants(hang, seconds=0.5, timeoutKills=True)[0], 0)

    def test_no_mutants_is_no_proof(self):
        prove.MUTANTS.write_text("[]")
        self.assertEqual(self.said(prove.prove_mutants, None)[0], 1)

    def test_a_release_that_knows_a_mutant_is_refused(self):
        prove.MUTANTS.write_text(json.dumps([{"name": "drops-a-deny"}]))
        binary = self.root / "binary"
        binary.write_bytes(b"\x7fELF drops-a-denyX\0")
        self.assertEqual(self.said(prove.check_release, binary)[0], 0)
        binary.write_bytes(b"\x7fELF\0drops-a-deny\0")
        self.assertEqual(self.said(prove.check_release, binary)[0], 1)
        binary.write_bytes(b"\x7fELF\0DURWARD_MUTANT\0")
        self.assertEqual(self.said(prove.check_release, binary)[0], 1)


if __name__ == "__main__":
    unittest.main()
