#!/usr/bin/env python3
"""Asks a real Trino, the engine behind Athena, about a lake: what Terraform made in an emulator's Glue, files in its S3.

    python3 infra/tests/test_trino.py LAKE         a lake's folder, such as `quotelake demo` makes

Needs terraform with the AWS provider, and what scripts/trino.sh needs. Each answer is held against DuckDB's on the same files.
"""

import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

import boto3
import duckdb
import trino

INFRA = pathlib.Path(__file__).resolve().parent.parent
SCRIPTS = INFRA.parent / "scripts"
LAKE = None
BUCKET, DATABASE = "quotelake-test", "quotelake_test"
CATALOG = """connector.name=hive
hive.metastore=glue
hive.metastore.glue.endpoint-url={endpoint}
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


class Emulator:
    """S3 and Glue on a loopback port, ended with this process."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, SCRIPTS / "emulator.py", "moto", str(self.port)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError("the emulator does not listen")

    def client(self, service):
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1",
                            aws_access_key_id="test", aws_secret_access_key="test")

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def apply_catalog(endpoint, folder):
    """Makes the database, its tables and views as an environment has them."""
    root = folder / "terraform/tests/trino"
    for part in ("tests/trino", "modules/catalog", "generated"):
        shutil.copytree(INFRA / part, folder / "terraform" / part, ignore=shutil.ignore_patterns(".terraform", "*.tfstate*"))
    variables = [f"-var=endpoint={endpoint}", f"-var=bucket={BUCKET}", f"-var=database={DATABASE}"]
    for command in (["init", "-input=false", "-lockfile=readonly"], ["apply", "-input=false", "-auto-approve", *variables]):
        done = subprocess.run(["terraform", f"-chdir={root}", *command, "-no-color"], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"terraform {command[0]}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")


def upload(emulator):
    """Puts the lake's files into the bucket, and the partitions of its tables into Glue as publish does."""
    s3, glue = emulator.client("s3"), emulator.client("glue")
    s3.create_bucket(Bucket=BUCKET)
    partitions = {}
    for zone in ("bronze", "quality", "quarantine"):
        for path in sorted(LAKE.glob(f"{zone}/**/*")):
            if path.is_file():
                key = path.relative_to(LAKE)
                s3.put_object(Bucket=BUCKET, Key=str(key), Body=path.read_bytes())
                if zone == "bronze":
                    partitions.setdefault(key.parts[1], set()).add(key.parts[2:-1])
    for table, folders in partitions.items():
        storage = glue.get_table(DatabaseName=DATABASE, Name=table)["Table"]["StorageDescriptor"]
        entries = [{
            "Values": [urllib.parse.unquote(part.split("=", 1)[1]) for part in parts],
            "StorageDescriptor": {**storage, "Location": f"s3://{BUCKET}/bronze/{table}/{'/'.join(parts)}/"},
        } for parts in sorted(folders)]
        for start in range(0, len(entries), 100):
            answer = glue.batch_create_partition(DatabaseName=DATABASE, TableName=table, PartitionInputList=entries[start:start + 100])
            assert not answer.get("Errors"), answer["Errors"]
    return {table: len(folders) for table, folders in partitions.items()}


def figures(column):
    """What is compared of a column: exact in both engines."""
    kind, name = column["type"], f'"{column["name"]}"'
    if kind.startswith("decimal") or kind in ("int", "bigint"):
        return [f"count({name})", f"sum({name})"]
    if kind == "timestamp":
        return [f"count({name})", f"min(cast({name} AS timestamp))", f"max(cast({name} AS timestamp))"]
    return [f"count({name})", f"min({name})", f"max({name})"]


class Trino(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="quotelake-trino-")
        cls.addClassCleanup(scratch.cleanup)
        folder = pathlib.Path(scratch.name)
        emulator = Emulator()
        cls.addClassCleanup(emulator.stop)
        apply_catalog(emulator.endpoint, folder)
        cls.partitions = upload(emulator)
        # Stored views name the catalog: it has to be called so.
        (folder / "node/catalog").mkdir(parents=True)
        (folder / "node/catalog/awsdatacatalog.properties").write_text(CATALOG.format(endpoint=emulator.endpoint))
        cls.addClassCleanup(subprocess.run, [SCRIPTS / "trino.sh", "stop", folder / "node"], check=True)
        started = subprocess.run([SCRIPTS / "trino.sh", "start", folder / "node"], check=True, stdout=subprocess.PIPE, text=True)
        address = urllib.parse.urlparse(started.stdout.strip())
        cls.trino = trino.dbapi.connect(host=address.hostname, port=address.port, user="test", catalog="awsdatacatalog", schema=DATABASE)

    def ask(self, sql):
        # A server that answers may not have taken itself for a node of the catalog yet.
        until = time.monotonic() + 60
        while True:
            try:
                cursor = self.trino.cursor()
                cursor.execute(sql)
                return [tuple(row) for row in cursor.fetchall()]
            except trino.exceptions.TrinoQueryError as error:
                if error.error_name != "NO_NODES_AVAILABLE" or time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def duckdb(self, table, sql):
        files = f"read_parquet('{LAKE}/bronze/{table}/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)"
        db = duckdb.connect()
        db.execute("SET TimeZone = 'UTC'")
        return db.execute(sql.replace(f"FROM {table}", f"FROM {files}")).fetchall()

    def test_each_table_holds_the_files_rows(self):
        self.assertTrue(self.partitions)
        for table in self.partitions:
            with self.subTest(table):
                sql = f"SELECT count(*) FROM {table}"
                rows = self.ask(sql)
                self.assertGreater(rows[0][0], 0)
                self.assertEqual(rows, self.duckdb(table, sql))

    def test_each_column_has_the_files_values(self):
        for table in self.partitions:
            with self.subTest(table):
                columns = json.loads((INFRA / f"generated/{table}.columns.json").read_text())["columns"]
                # One question for all columns: a file costs more to open than to read.
                sql = f"SELECT {', '.join(value for column in columns for value in figures(column))} FROM {table}"
                here, there = self.ask(sql), self.duckdb(table, sql)
                self.assertEqual([str(cell) for cell in here[0]], [str(cell) for cell in there[0]])

    def test_a_partition_is_found_by_its_value(self):
        if "daily_bars" not in self.partitions:
            self.skipTest("the lake holds no daily bars")
        sql = "SELECT symbol, max(close) FROM daily_bars WHERE month = '2013-02' GROUP BY symbol ORDER BY symbol"
        rows = self.ask(sql)
        self.assertTrue(rows)
        self.assertEqual(rows, self.duckdb("daily_bars", sql))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    LAKE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
