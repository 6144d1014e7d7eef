"""Trino over an emulator: S3 and Glue on loopback, the catalog as Terraform makes it, lakes uploaded as publish leaves them."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import boto3
import trino

INFRA = pathlib.Path(__file__).resolve().parent.parent
SCRIPTS = INFRA.parent / "scripts"
# Requests to the emulator at the same time: it has one processor.
UPLOADS = 8
CATALOG = """connector.name=hive
hive.metastore=glue
hive.metastore.glue.endpoint-url={glue}
hive.metastore.glue.region=us-east-1
hive.metastore.glue.aws-access-key=test
hive.metastore.glue.aws-secret-key=test
hive.partition-projection-enabled=true
hive.metastore-cache-ttl=0s
fs.native-s3.enabled=true
s3.endpoint={endpoint}
s3.region=us-east-1
s3.aws-access-key=test
s3.aws-secret-key=test
s3.path-style-access=true
"""


def client(endpoint, service):
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


class Emulator:
    """S3 and Glue on a loopback port, ended with this process."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, SCRIPTS / "emulator.py", "moto", str(self.port)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self.log)
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError("the emulator does not listen")

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()

    def complaints(self):
        """What it logged but for the requests that it answered well."""
        said = os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size, 0)
        return "\n".join(line for line in said.decode(errors="replace").splitlines() if not re.search(r'" 200 -$', line))


def bucket(lake):
    return f"quotelake-{lake.name}"


def database(lake):
    return f"quotelake_{lake.name}"


def apply_catalog(emulator, folder, lakes):
    """Makes each lake's database, tables and views as an environment has them; the views' SQL and columns, by lake."""
    root = folder / "terraform/tests/trino"
    for part in ("tests/trino", "modules/catalog", "generated"):
        shutil.copytree(INFRA / part, folder / "terraform" / part, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    (root / "lakes.auto.tfvars.json").write_text(json.dumps({
        "endpoint": emulator.endpoint,
        "lakes": {lake.name: {"bucket": bucket(lake), "table_folders": [str(tables) for tables in lake.tables], "models": lake.models}
                  for lake in lakes},
    }))
    for command in (["init", "-input=false", "-lockfile=readonly"], ["apply", "-input=false", "-auto-approve", "-parallelism=20"], ["output", "-json", "views"]):
        done = subprocess.run(["terraform", f"-chdir={root}", *command, "-no-color"], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"terraform {command[0]}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}\nThe emulator:\n{emulator.complaints()[-4000:]}")
    return json.loads(done.stdout)


def upload(endpoint, lake):
    """Puts a lake's files into its bucket, and the partitions of its tables into Glue as publish does; tables with how many."""
    s3, glue = client(endpoint, "s3"), client(endpoint, "glue")
    s3.create_bucket(Bucket=bucket(lake))
    partitions, files = {}, []
    for zone in ("bronze", "silver", "quality", "quarantine", "runs"):
        for path in sorted(lake.folder.glob(f"{zone}/**/*")):
            # What a laptop keeps beside an object is no object.
            if path.is_file() and not path.name.startswith("."):
                key = path.relative_to(lake.folder)
                files.append((str(key), path))
                if zone == "bronze" or zone == "silver" and key.parts[1] in lake.models:
                    partitions.setdefault((zone, key.parts[1]), set()).add(key.parts[2:-1])
    with ThreadPoolExecutor(UPLOADS) as pool:
        list(pool.map(lambda file: s3.put_object(Bucket=bucket(lake), Key=file[0], Body=file[1].read_bytes()), files))
    for (zone, table), folders in partitions.items():
        storage = glue.get_table(DatabaseName=database(lake), Name=table)["Table"]["StorageDescriptor"]
        entries = [{
            "Values": [urllib.parse.unquote(part.split("=", 1)[1]) for part in parts],
            "StorageDescriptor": {**storage, "Location": f"s3://{bucket(lake)}/{zone}/{table}/{''.join(f'{part}/' for part in parts)}"},
        } for parts in sorted(folders) if parts]
        for start in range(0, len(entries), 100):
            answer = glue.batch_create_partition(DatabaseName=database(lake), TableName=table, PartitionInputList=entries[start:start + 100])
            if answer.get("Errors"):
                raise RuntimeError(f"partitions of {table}: {answer['Errors'][:3]}")
    return {table: len(folders) for (_, table), folders in partitions.items()}


def stop_engine(folder):
    """Ends what an engine of this folder began."""
    if folder.is_dir():
        subprocess.run([SCRIPTS / "trino.sh", "stop", folder], check=True)


class Engine:
    """A running Trino with the catalog that stored views name, over an emulator's S3 and Glue."""

    def __init__(self, endpoint, folder, glue=None):
        self.folder = folder
        (folder / "catalog").mkdir(parents=True)
        (folder / "catalog/awsdatacatalog.properties").write_text(CATALOG.format(endpoint=endpoint, glue=glue or endpoint))
        started = subprocess.run([SCRIPTS / "trino.sh", "start", folder], check=True, stdout=subprocess.PIPE, text=True)
        self.address = urllib.parse.urlparse(started.stdout.strip())

    def stop(self):
        stop_engine(self.folder)

    def ask(self, schema, sql):
        """Names and types of a query's columns, and its rows."""
        connection = trino.dbapi.connect(host=self.address.hostname, port=self.address.port, user="test", catalog="awsdatacatalog", schema=schema)
        # A server that answers may not have taken itself for a node of the catalog yet.
        until = time.monotonic() + 60
        while True:
            try:
                cursor = connection.cursor()
                cursor.execute(sql)
                rows = [tuple(row) for row in cursor.fetchall()]
                return [(column[0], column[1]) for column in cursor.description], rows
            except trino.exceptions.TrinoQueryError as error:
                if error.error_name != "NO_NODES_AVAILABLE" or time.monotonic() > until:
                    raise
                time.sleep(0.5)
