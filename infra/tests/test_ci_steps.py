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
        steps = re.findall(r'^ *(?:step|beside) "([^"]+)"', (ROOT / ".ci/run").read_text(), re.M)
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


def ran(script):
    """Exit code, output and noted steps of a run with these lines."""
    with tempfile.TemporaryDirectory() as folder:
        head = f"set -euo pipefail; work={folder} steps={folder}/steps; . {ROOT}/scripts/ci-steps.sh; trap 'code=$?; echo in: $(failed_step); close; stop_beside; exit $code' EXIT\n"
        run = subprocess.run(["bash", "-c", head + script], capture_output=True, text=True, timeout=60)
        noted = pathlib.Path(folder, "steps")
        return run.returncode, run.stdout, [line.split("\t")[0] for line in noted.read_text().splitlines()] if noted.exists() else []


class Beside(unittest.TestCase):
    def test_what_ran_beside_is_printed_and_noted(self):
        code, out, noted = ran('beside waits sh -c "sleep 1; echo was here"; step first; true; step second; true; join 0; step last; true')
        self.assertEqual((code, noted), (0, ["first", "second", "waits", "last"]))
        self.assertIn("was here", out)

    def test_what_fails_beside_fails_the_run(self):
        code, out, noted = ran('beside waits sh -c "sleep 1; echo no; exit 3"; step first; true; join 0; step last; true')
        self.assertEqual((code, noted), (1, ["first", "waits"]))
        self.assertIn("no\n", out)
        self.assertIn("in: waits", out)

    def test_what_failed_beside_ends_the_run_at_the_next_step(self):
        code, out, noted = ran('beside waits sh -c "sleep 0.5; exit 1"; step first; sleep 1; step second; touch "$work/reached"; join 0')
        self.assertEqual((code, noted), (1, ["first", "waits"]))

    def test_what_is_killed_beside_fails_the_run(self):
        code, out, noted = ran('beside waits sleep 3; step first; kill -KILL "$(cat "$work/lane0.pid")"; join 0')
        self.assertEqual(code, 1)
        self.assertIn("in: waits", out)

    def test_a_step_that_fails_stops_what_runs_beside(self):
        with tempfile.NamedTemporaryFile() as told:
            code, out, noted = ran(f"beside waits bash -c 'trap \"echo stopped >{told.name}; exit\" TERM; sleep 30 & wait'; step first; sleep 1; false")
            self.assertEqual((code, noted), (1, ["first"]))
            self.assertIn("in: first", out)
            self.assertEqual(pathlib.Path(told.name).read_text(), "stopped\n")


if __name__ == "__main__":
    unittest.main()
