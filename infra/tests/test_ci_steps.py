"""The table of CI's seconds: every line names a step of `.ci/run`, what has no line is no fault, and what grew by half is told.

    python3 -m unittest infra/tests/test_ci_steps.py
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / "docs/ci-steps.tsv"


def told(kind, steps, kept):
    """What the script prints of these steps beside these kept lines."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, name) for name in ("steps", "kept")]
        for path, rows in zip(paths, (steps, kept)):
            path.write_text("".join("\t".join(row) + "\n" for row in rows))
        run = subprocess.run([sys.executable, ROOT / "scripts/ci-steps.py", kind, *paths], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


class Steps(unittest.TestCase):
    head = ("step", "cold", "warm")

    def test_every_line_names_a_step_and_its_seconds(self):
        steps = re.findall(r'^ *step "([^"]+)"', (ROOT / ".ci/run").read_text(), re.M)
        head, *lines = [line.split("\t") for line in KEPT.read_text().splitlines()]
        self.assertEqual(tuple(head), self.head)
        self.assertTrue(lines)
        names = [name for name, *_ in lines]
        self.assertEqual(len(names), len(set(names)))
        for name, *figures in lines:
            with self.subTest(name):
                self.assertIn(name, steps)
                self.assertEqual(len(figures), 2)
                self.assertTrue(any(figures), "a line without a figure")
                self.assertTrue(all(re.fullmatch(r"\d*", figure) for figure in figures), figures)

    def test_a_step_that_grew_by_half_is_told_and_no_other(self):
        kept = [self.head, ("clippy", "100", ""), ("tests", "100", "")]
        text = told("cold", [("clippy", "151"), ("tests", "150")], kept)
        self.assertIn("GREW BY HALF: clippy: 100 s before, 151 s now", text)
        self.assertEqual(text.count("GREW"), 1)

    def test_a_short_step_may_vary(self):
        kept = [self.head, ("documents", "7", "")]
        self.assertNotIn("GREW", told("cold", [("documents", "27")], kept))
        self.assertIn("GREW", told("cold", [("documents", "28")], kept))

    def test_what_is_not_kept_is_shown_and_is_no_fault(self):
        kept = [self.head, ("tests", "100", "")]
        text = told("cold", [("tests", "90"), ("the notebook", "900")], kept)
        self.assertNotIn("GREW", text)
        self.assertRegex(text, r"the notebook +900 +-")
        self.assertRegex(told("warm", [("tests", "900")], kept), r"tests +900 +-")


if __name__ == "__main__":
    unittest.main()
