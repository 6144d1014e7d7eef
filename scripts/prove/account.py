"""An account of AWS, as scripts/e2e/stack.py has an emulator: clients, environments of programs, where a Function URL answers."""

import os

import boto3

# What of the caller's environment would send calls elsewhere, or change what Terraform makes. A boundary of roles stays: an account may
# let nobody make a role without it.
FOREIGN = ("AWS_ENDPOINT_URL", "TF_VAR_", "TF_CLI_ARGS", "TF_WORKSPACE", "QUOTELAKE_NAME")
KEPT = ("TF_VAR_permissions_boundary",)


def clean(environment):
    """An environment without what is foreign."""
    return {name: value for name, value in environment.items() if name in KEPT or not name.startswith(FOREIGN)}


class Account:
    """The account of the shell's credentials, in one region."""

    url = ""

    def __init__(self, region):
        self.session = boto3.Session(region_name=region)
        self.region = self.session.region_name
        if not self.region:
            raise SystemExit("no region: set AWS_REGION, or give --region")
        if not self.session.get_credentials():
            raise SystemExit("no credentials: the shell has none of an account")

    def credentials(self):
        """The keys as variables, as they are now: those of a role are new every hour."""
        keys = self.session.get_credentials().get_frozen_credentials()
        found = {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key, "AWS_SESSION_TOKEN": keys.token}
        return {name: value for name, value in found.items() if value}

    def environment(self):
        """This process's environment for a program that calls the account."""
        return {**clean(os.environ), **self.credentials(), "AWS_DEFAULT_REGION": self.region, "AWS_REGION": self.region}

    def client(self, service, **credentials):
        """A boto3 client, with the shell's credentials unless told otherwise."""
        return self.session.client(service, **credentials)

    def address(self, host):
        """Where a Function URL of that host is asked."""
        return f"https://{host}/"
