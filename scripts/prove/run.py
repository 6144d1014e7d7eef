"""Proves the stack in an account of AWS, from nothing to nothing, and writes a receipt without account ids.

    run.py [--emulator] [--name PREFIX] [--region REGION] [--yes] [--keep | --destroy] [--receipt FOLDER] [--artifacts FOLDER] [--quotelake PROGRAM]

Steps, in order: clean, estimate, beside, apply, url, drop, schedule, tables, questions, alarms, tags, again, refused, letter, redrive,
destroy. Each prints what it found. After a step that fails, or ctrl-c, everything is destroyed all the same, unless --keep; what --keep
or a destroy that failed left is destroyed by --destroy. With --emulator the account is an emulator's, and what it cannot do is named in
the receipt.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[1:1] = [str(REPOSITORY / "scripts/e2e"), str(REPOSITORY / "infra/tests")]
import account as aws
import receipt as receipts
import stack
import steps
from proof import ENVIRONMENT, Proof
from vendor import Vendor
from walk import SAMPLES, Failed

STEPS = ["clean", "estimate", "beside", "apply", "url", "drop", "schedule", "tables", "questions", "alarms", "tags", "again", "refused", "letter", "redrive"]


def output_of(*command):
    """What a program prints."""
    return subprocess.run(command, cwd=REPOSITORY, text=True, capture_output=True, check=False).stdout.strip()


def secrets_of(proof):
    """What is known of whose account this is."""
    account, arn = proof.identity
    known = [account, arn, *arn.split(":")[-1].split("/")[1:], str(pathlib.Path.home()), str(REPOSITORY), str(proof.folder)]
    known += [] if proof.emulated else proof.account.credentials().values()
    return [one for one in known if one]


def receipt_of(proof, began, seconds, failure, outcome):
    """All that was found."""
    zips = sorted(proof.options.artifacts.glob(f"{proof.architecture}/quotelake-*/bootstrap.zip"))
    lock = (REPOSITORY / f"infra/envs/{ENVIRONMENT}/.terraform.lock.hcl").read_text().split('version     = "')[1].split('"')[0]
    return {
        "outcome": outcome, "failure": failure, "where": "an emulator (MiniStack 1.5.33)" if proof.emulated else "AWS", "region": proof.account.region,
        "began": began.strftime("%Y-%m-%dT%H:%M:%SZ"), "seconds": seconds,
        "commit": output_of("git", "rev-parse", "--short=10", "HEAD"), "changed": bool(output_of("git", "status", "--porcelain")),
        "versions": {"quotelake": output_of(str(proof.options.quotelake), "--version").split(" ")[-1], "terraform": json.loads(output_of("terraform", "version", "-json"))["terraform_version"],
                     "provider hashicorp/aws": lock, "python": sys.version.split()[0]},
        "functions": {path.parent.name: receipts.grouped(hashlib.sha256(path.read_bytes()).hexdigest()) for path in zips},
        "architecture": proof.architecture, "estimate": proof.estimated, "steps": proof.steps, "tables": proof.tables_found, "questions": proof.answers,
        "alarms": proof.alarm_states, "tags": proof.tag_counts, "not_checked": [{"what": what, "why": why} for what, why in proof.not_checked],
    }


def prove(proof, options):
    """Does all steps and writes the receipt; the exit code."""
    began, start = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
    failure = steps.carry_out(proof, STEPS, options.keep, (Failed, SystemExit))
    outcome = "failed" if failure else "passed"
    try:
        written = receipts.write(receipt_of(proof, began, round(time.monotonic() - start), failure, outcome), options.receipt, secrets_of(proof))
    except receipts.Leak as error:
        print(f"FAILED: no receipt was written: {error}")
        return 1
    print(f"{outcome.upper()}; the receipt: {', '.join(map(str, written))}")
    return 1 if failure else 0


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emulator", action="store_true", help="prove it on an emulator on this machine, as far as that goes")
    parser.add_argument("--name", default="quotelake-proof", help="first part of every name; nothing of it may be in the account")
    parser.add_argument("--region", help="the region; the shell's unless given")
    parser.add_argument("--architecture", default="arm64", choices=("arm64", "x86_64"), help="of the zips")
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is made")
    parser.add_argument("--keep", action="store_true", help="destroy nothing; --destroy does so later")
    parser.add_argument("--destroy", action="store_true", help="only destroy what an earlier proof of this name left")
    parser.add_argument("--receipt", type=pathlib.Path, help="folder of the receipt")
    parser.add_argument("--artifacts", type=pathlib.Path, default=REPOSITORY / "target/lambda", help="folder of the zips")
    parser.add_argument("--quotelake", type=pathlib.Path, default=REPOSITORY / "target/release/quotelake", help="the program")
    chosen = parser.parse_args()
    if chosen.emulator and (chosen.keep or chosen.destroy):
        parser.error("an emulator is gone when the run ends: nothing can be kept")
    chosen.artifacts, chosen.quotelake = chosen.artifacts.resolve(), chosen.quotelake.resolve()
    return chosen


def on_emulator(chosen):
    """The proof on an emulator; the exit code."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quotelake-proof-"))
    chosen.receipt = chosen.receipt or REPOSITORY / "target/prove-aws/emulator"
    with stack.Emulator(folder / "emulator") as emulator, Vendor(SAMPLES / "polygon") as vendor:
        proof = Proof(chosen, folder, emulator)
        proof.vendor = vendor
        code = prove(proof, chosen)
    if code:
        print(f"logs are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return code


def in_account(chosen):
    """The proof in the account of the shell's credentials; the exit code. The states are kept in target/ until all is destroyed."""
    if any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ):
        raise SystemExit("AWS_ENDPOINT_URL is set: that is no account; --emulator starts an emulator of its own")
    account = aws.Account(chosen.region)
    folder = REPOSITORY / "target/prove-aws" / f"{chosen.name}-{account.region}"
    chosen.receipt = chosen.receipt or folder.parent
    folder.mkdir(parents=True, exist_ok=True)
    proof = Proof(chosen, folder, account)
    left = proof.made()
    if left and not chosen.destroy:
        raise SystemExit(f"an earlier proof left something that {folder} has the states of: --destroy takes it down")
    if chosen.destroy and not left:
        raise SystemExit(f"{folder} has no state of an earlier proof")
    if chosen.destroy:
        proof.beside_root.init()
        proof.terraform.init()
        code = 1 if steps.do(proof, "destroy", (Failed, SystemExit)) else 0
    else:
        code = prove(proof, chosen)
    if not proof.made():
        if code == 0:
            shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"states and logs are in {folder}; `scripts/prove-aws --destroy --name {chosen.name}` takes down what is up")
    return code


def main():
    chosen = options()
    for name in set(os.environ) - set(aws.clean(os.environ)):
        if not name.startswith("AWS_ENDPOINT_URL"):
            del os.environ[name]
    # As ctrl-c: what was made is destroyed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return on_emulator(chosen) if chosen.emulator else in_account(chosen)


if __name__ == "__main__":
    sys.exit(main())
