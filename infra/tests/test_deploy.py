"""scripts/deploy and scripts/build-functions.sh with stand-ins for terraform and cargo: what they ask for, and when they refuse.

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


CARGO = """#!/bin/sh
[ "$2" = build ] || exit 0
echo "$@" >>"$ASKED"
shift 2
while [ $# -gt 0 ]; do
  case "$1" in
    --package) packages="$packages $2" ;;
    --lambda-dir) folder=$2 ;;
  esac
  shift
done
for package in $packages; do
  mkdir -p "$folder/$package"
  eval "bytes=\\${BYTES_$(echo "$package" | tr - _):-1000}"
  head -c "$bytes" /dev/zero >"$folder/$package/bootstrap.zip"
done
"""


class Build(unittest.TestCase):
    """scripts/build-functions.sh with a stand-in for cargo."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="quotelake-build-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("scripts/build-functions.sh", "scripts/stages", "infra/stages.json", *(f"crates/{stage}/Cargo.toml" for stage in STAGES)):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, self.folder / name)
        # What packs a zip anew is not tried here.
        for name, text in (("bin/cargo", CARGO), ("bin/rustup", "#!/bin/sh\n"), ("scripts/venv", "#!/bin/sh\necho true\n")):
            program = self.folder / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(text)
            program.chmod(0o755)

    def build(self, **sizes):
        """Exit code, standard error, and the packages and features of each build."""
        asked = self.folder / "asked"
        asked.unlink(missing_ok=True)
        environment = {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "ASKED": str(asked),
                       **{f"BYTES_quotelake_{stage}": str(size) for stage, size in sizes.items()}}
        done = subprocess.run([self.folder / "scripts/build-functions.sh", "x86_64"], env=environment, capture_output=True, text=True, check=False)
        builds = [line.split() for line in asked.read_text().splitlines()]
        after = lambda words, option: {words[at + 1] for at, word in enumerate(words) if word == option}
        return done.returncode, done.stderr, [(after(words, "--package"), set(*(text.split(",") for text in after(words, "--features")))) for words in builds]

    def test_refine_alone_has_the_sql_engine(self):
        code, said, builds = self.build()
        self.assertEqual(code, 0, said)
        others = {f"quotelake-{stage}" for stage in STAGES} - {"quotelake-refine"}
        # transform calls nothing of AWS.
        self.assertEqual(builds, [
            (others, {f"{package}/aws" for package in others - {"quotelake-transform"}}),
            ({"quotelake-refine"}, {"quotelake-refine/aws", "quotelake-refine/sql"}),
        ])

    def test_each_has_a_limit_and_refine_one_of_its_own(self):
        self.assertEqual(self.build(refine=17_400_000, check=8_000_000)[0], 0)
        for stage, size in (("refine", 20_000_001), ("check", 8_000_001)):
            code, said, _ = self.build(**{stage: size})
            self.assertEqual(code, 1)
            self.assertIn(f"quotelake-{stage}/bootstrap.zip is larger than {size - 1} bytes", said)


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
