"""The workflows of GitHub Actions: what they run is pinned, and what can get a token for AWS builds nothing.

    python3 -m unittest infra/tests/test_workflows.py
"""

import pathlib
import re
import unittest

WORKFLOWS = sorted((pathlib.Path(__file__).resolve().parent.parent.parent / ".github/workflows").glob("*.yml"))
JOB = re.compile(r"^  (\w+):\n((?:    .*\n|\n)+)", re.M)


def jobs(text):
    """The text of each job by its name."""
    return dict(JOB.findall(text[text.index("\njobs:\n"):]))


class Workflows(unittest.TestCase):
    def test_actions_are_pinned_by_commit(self):
        self.assertTrue(WORKFLOWS)
        for path in WORKFLOWS:
            for line in re.findall(r"uses: .*", path.read_text()):
                with self.subTest(f"{path.name}: {line}"):
                    self.assertRegex(line, r"^uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")

    def test_the_token_is_one_jobs_and_that_one_builds_nothing(self):
        for path in WORKFLOWS:
            text = path.read_text()
            head = text[:text.index("\njobs:\n")]
            self.assertNotIn("id-token", re.sub(r"#.*", "", head), f"{path.name}: every job can get a token")
            for name, job in jobs(text).items():
                with self.subTest(f"{path.name}: {name}"):
                    if "id-token: write" in job:
                        self.assertNotRegex(job, r"run: .*(make build|cargo|npm|pip)")
                        self.assertIn("environment:", job)
                    else:
                        self.assertNotIn("configure-aws-credentials", job)

    def test_there_is_a_job_with_a_token_and_one_that_builds(self):
        deploy = next(path for path in WORKFLOWS if path.name == "deploy.yml").read_text()
        found = jobs(deploy)
        self.assertEqual(set(found), {"build", "deploy"})
        self.assertIn("id-token: write", found["deploy"])
        self.assertIn("make build", found["build"])

    def test_what_can_write_is_asked_for_by_the_job_that_needs_it(self):
        for path in WORKFLOWS:
            text = path.read_text()
            head = re.sub(r"#.*", "", text[:text.index("\njobs:\n")])
            with self.subTest(path.name):
                self.assertIn("\npermissions:", head)
                self.assertNotIn("write", head)
            for name, job in jobs(text).items():
                with self.subTest(f"{path.name}: {name}"):
                    if re.search(r": write$", job, re.M):
                        self.assertIn("environment:", job)
                        self.assertNotRegex(job, r"run: .*(make build|build-release|build-functions|cargo|npm|pip)")

    def test_no_step_puts_an_expression_into_a_shell(self):
        for path in WORKFLOWS:
            for script in re.findall(r"run: (\|\n(?:          .*\n)+|.*\n)", path.read_text()):
                with self.subTest(path.name):
                    self.assertNotIn("${{", script)

    def test_no_job_keeps_the_checkouts_credentials(self):
        for path in WORKFLOWS:
            for step in re.findall(r"uses: actions/checkout@.*\n((?:        .*\n|          .*\n)*)", path.read_text()):
                with self.subTest(path.name):
                    self.assertIn("persist-credentials: false", step)


if __name__ == "__main__":
    unittest.main()
