"""Proves: what each runner reports becomes the right counts; a crash, an empty run or a lost report is never a pass."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import tally


class TallyTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, name, text):
        path = self.root / name
        path.write_text(text)
        return path

    def gtest(self, name, *cases):
        self.write(name, json.dumps({"testsuites": [{"testsuite": list(cases)}]}))

    def test_gtest_cases_are_counted_and_a_binary_is_not_counted_again(self):
        good, bad = {"status": "RUN"}, {"status": "RUN", "failures": [{}]}
        self.gtest("durward_base_test.json", good, good, bad, {"status": "RUN", "result": "SKIPPED"})
        unit = '<testcase name="unit_base"><failure/></testcase>'
        report = self.write("ctest.xml", f'<s>{unit}<testcase name="cli"/></s>')
        self.assertEqual(tally.ctest(report, self.root, 8), (3, 1, 1))

    def test_a_gtest_binary_that_died_before_it_reported_is_a_failure(self):
        report = self.write("ctest.xml", '<s><testcase name="unit_base"><failure/></testcase></s>')
        self.assertEqual(tally.ctest(report, self.root, 8), (0, 1, 0))

    def test_a_gtest_binary_whose_report_is_green_and_exit_is_not_is_a_failure(self):
        self.gtest("durward_base_test.json", {"status": "RUN"})
        report = self.write("ctest.xml", '<s><testcase name="unit_base"><failure/></testcase></s>')
        self.assertEqual(tally.ctest(report, self.root, 8), (1, 1, 0))

    def test_junit(self):
        cases = '<testcase/><testcase><failure/></testcase><testcase><skipped/></testcase>'
        self.assertEqual(tally.junit(self.write("a.xml", f"<s>{cases}</s>"), 1), (1, 1, 1))
        self.assertEqual(tally.junit(self.write("b.xml", "<s><testcase/></s>"), 1), (1, 1, 0))
        self.assertEqual(tally.junit(self.root / "none.xml", 0), (0, 1, 0))
        self.assertEqual(tally.junit(self.write("c.xml", "<s><testcase"), 0), (0, 1, 0))

    def test_unittest(self):
        log = self.write("a", "Ran 5 tests in 1s\n\nFAILED (failures=1, errors=1)\n")
        self.assertEqual(tally.unittest_log(log, 1), (3, 2, 0))
        self.assertEqual(tally.unittest_log(self.write("b", "Traceback\n"), 1), (0, 1, 0))

    def test_the_sum_ends_with_the_closing_line_and_nothing_is_a_failure(self):
        def closing():
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                code = tally.total(self.root)
            return code, out.getvalue().splitlines()[-1]

        self.assertEqual(closing(), (1, "0 passed, 1 failed"))
        self.write("a.count", "3 0 1\n")
        self.write("b.count", "2 0\n")
        self.assertEqual(closing(), (0, "5 passed, 0 failed"))
        self.write("c.count", "0 1\n")
        self.assertEqual(closing(), (1, "5 passed, 1 failed"))


if __name__ == "__main__":
    unittest.main()
