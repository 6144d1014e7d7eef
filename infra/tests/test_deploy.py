"""scripts/deploy with a stand-in for terraform: what it asks for, and when it refuses.

    python3 -m unittest infra/tests/test_deploy.py
"""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
STAGES = list(json.loads((REPOSITORY / "infra/stages.json").read_text())["stages"])
TERRAFORM = '#!/bin/sh\necho "$@" >>"$ASKED"\n'


class Lists(unittest.TestCase):
    """Lists that code has to have for itself are those of infra/stages.json."""

    def test_the_crates_that_are_functions_are_the_stages(self):
        loops = re.compile(r"use quotelake_(telemetry|platform::function)::")
        functions = {path.parent.parent.name for path in (REPOSITORY / "crates").glob("*/src/main.rs") if loops.search(path.read_text())}
        self.assertEqual(functions, set(STAGES))

    def test_doctor_looks_at_the_queues_that_there_are(self):
        stages = json.loads((REPOSITORY / "infra/stages.json").read_text())["stages"]
        work = re.search(r"const WORK: .* = \[(.*)\];", (REPOSITORY / "crates/aws/src/inspect.rs").read_text()).group(1)
        self.assertEqual(set(re.findall(r'"(\w+)"', work)), {name for name, stage in stages.items() if stage["queue"]})

    def test_what_the_end_to_end_run_excuses_is_a_stage(self):
        for entry in json.loads((REPOSITORY / "infra/iam-unused.json").read_text())["unused"]:
            self.assertLessEqual(set(entry["stages"]), set(STAGES), entry["action"])


class Deploy(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quotelake-deploy-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("deploy", "stages"):
            (self.folder / "scripts").mkdir(exist_ok=True)
            shutil.copy2(REPOSITORY / "scripts" / name, self.folder / "scripts" / name)
        self.root = self.folder / "infra/envs/dev"
        self.root.mkdir(parents=True)
        shutil.copy2(REPOSITORY / "infra/stages.json", self.folder / "infra/stages.json")
        for stage in STAGES:
            zip_file = self.folder / f"target/lambda/arm64/quotelake-{stage}/bootstrap.zip"
            zip_file.parent.mkdir(parents=True)
            zip_file.touch()
        program = self.folder / "bin/terraform"
        program.parent.mkdir()
        program.write_text(TERRAFORM)
        program.chmod(program.stat().st_mode | stat.S_IEXEC)

    def deploy(self, *arguments, **variables):
        """Exit code, standard error, and what terraform was asked."""
        asked = self.folder / "asked"
        asked.unlink(missing_ok=True)
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("TF_VAR_", "AWS_", "STATE_"))}
        environment = {**plain, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "ASKED": str(asked), **variables}
        done = subprocess.run([self.folder / "scripts/deploy", *arguments], env=environment, capture_output=True, text=True, check=False)
        lines = asked.read_text().splitlines() if asked.exists() else []
        return done.returncode, done.stderr, [line.split(" ", 1)[1] for line in lines]

    def local_state(self):
        (self.root / "terraform.tfstate").write_text('{"version": 4, "resources": [{"type": "aws_s3_bucket"}]}')

    def kept_in_a_bucket(self):
        (self.root / ".terraform").mkdir()
        (self.root / ".terraform/terraform.tfstate").write_text('{"backend": {"type": "s3"}}')

    def test_it_initialises_and_applies(self):
        code, _, asked = self.deploy("apply", "dev", AUTO_APPROVE="1")
        self.assertEqual((code, asked), (0, ["init -input=false -lockfile=readonly", "apply -auto-approve"]))

    def test_a_zip_of_every_stage_has_to_be_there(self):
        for stage in STAGES:
            with self.subTest(stage):
                zip_file = self.folder / f"target/lambda/arm64/quotelake-{stage}/bootstrap.zip"
                zip_file.unlink()
                code, said, asked = self.deploy("apply", "dev")
                self.assertEqual((code, asked), (1, []))
                self.assertIn(f"quotelake-{stage}/bootstrap.zip is missing", said)
                images = json.dumps({stage: "000000000000.dkr.ecr.us-east-1.amazonaws.com/x"})
                self.assertEqual(self.deploy("apply", "dev", TF_VAR_images=images)[0], 0)
                zip_file.touch()

    def test_a_state_is_not_left_behind(self):
        self.local_state()
        code, said, asked = self.deploy("apply", "dev", STATE_BUCKET="states")
        self.assertEqual((code, asked), (1, []))
        self.assertIn("MIGRATE_STATE=1 moves it to states", said)
        self.assertFalse((self.root / "backend_override.tf").exists())

    def test_a_state_moves_to_a_bucket_and_back(self):
        self.local_state()
        code, _, asked = self.deploy("apply", "dev", STATE_BUCKET="states", MIGRATE_STATE="1", AUTO_APPROVE="1")
        self.assertEqual((code, asked[0]), (0, "init -input=false -lockfile=readonly -migrate-state -force-copy"))
        self.kept_in_a_bucket()
        code, said, asked = self.deploy("apply", "dev")
        self.assertEqual((code, asked), (1, []))
        self.assertIn("set STATE_BUCKET", said)
        code, _, asked = self.deploy("apply", "dev", MIGRATE_STATE="1")
        self.assertEqual((code, asked[0]), (0, "init -input=false -lockfile=readonly -migrate-state"))
        self.assertFalse((self.root / "backend_override.tf").exists())

    def test_names_and_regions_have_states_of_their_own(self):
        for variables, key, region in (
            ({}, "quotelake/dev/terraform.tfstate", "us-east-1"),
            ({"TF_VAR_name": "quotelake-eu", "AWS_REGION": "eu-west-1"}, "quotelake-eu/dev/terraform.tfstate", "eu-west-1"),
            ({"TF_VAR_name": "quotelake-eu", "AWS_REGION": "eu-west-1", "STATE_REGION": "us-east-1"}, "quotelake-eu/dev/terraform.tfstate", "us-east-1"),
        ):
            with self.subTest(variables):
                self.assertEqual(self.deploy("apply", "dev", STATE_BUCKET="states", **variables)[0], 0)
                written = (self.root / "backend_override.tf").read_text()
                self.assertIn(f'"{key}"', written)
                self.assertIn(f'"{region}"', written)

    def test_an_unknown_environment_is_named(self):
        code, said, _ = self.deploy("apply", "nowhere")
        self.assertEqual(code, 64)
        self.assertIn("environments are: dev", said)


if __name__ == "__main__":
    unittest.main()
