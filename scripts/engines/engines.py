"""The SQL engines that models have to agree on, behind one face: rows as tuples of text.

Decimals, integers and texts are written as they are, floats by repr, dates as YYYY-MM-DD, instants as ISO in UTC, a missing value as None.
"""

import datetime
import decimal
import json
import os
import subprocess


class Refused(Exception):
    """The engine does not take the SQL, or fails on it."""


def text(value):
    """One value as text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat() if value.tzinfo else value.isoformat()
    return str(value)


class DuckDb:
    """DuckDB in this process."""

    name = "DuckDB"

    def __init__(self):
        import duckdb

        self.connection = duckdb.connect(config={"threads": 2})
        self.connection.execute("set timezone = 'UTC'")

    def query(self, sql):
        try:
            return [tuple(map(text, row)) for row in self.connection.execute(sql).fetchall()]
        except Exception as error:
            raise Refused(str(error).splitlines()[0]) from error

    def close(self):
        self.connection.close()


class Trino:
    """Trino, Athena's engine: a server of scripts/trino.sh."""

    name = "Trino"

    def __init__(self, address, schema):
        import trino

        self.schema = schema
        host, port = address.removeprefix("http://").split(":")
        self.connection = trino.dbapi.connect(host=host, port=int(port), user="test", catalog="lake", schema=schema, timezone="UTC")

    def query(self, sql):
        try:
            cursor = self.connection.cursor()
            cursor.execute(sql)
            return [tuple(map(text, row)) for row in cursor.fetchall()]
        except Exception as error:
            raise Refused(getattr(error, "message", None) or str(error)) from error

    def close(self):
        self.connection.close()


class Sail:
    """Sail, which speaks Spark's SQL and protocol, as a server in this process."""

    name = "Sail"

    def __init__(self):
        from pysail.spark import SparkConnectServer
        from pyspark.sql import SparkSession

        self.server = SparkConnectServer("127.0.0.1", 0)
        self.server.start()
        host, port = self.server.listening_address
        self.session = SparkSession.builder.remote(f"sc://{host}:{port}").getOrCreate()
        self.session.conf.set("spark.sql.session.timeZone", "UTC")

    def view(self, name, folder):
        """A folder of Parquet files under a name."""
        self.session.read.parquet(str(folder)).createOrReplaceTempView(name)

    def query(self, sql):
        try:
            return [tuple(map(text, row)) for row in self.session.sql(sql).collect()]
        except Exception as error:
            raise Refused(str(error).splitlines()[0]) from error

    def close(self):
        self.session.stop()
        self.server.stop()


class DataFusion:
    """The engine of this program, asked by `quotelake query`."""

    name = "DataFusion"

    def __init__(self, program, lake):
        self.program, self.lake = program, lake

    def query(self, sql):
        command = [self.program, "query", "--json", "--lake", self.lake, sql]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"RUST_LOG": "off"}, check=False)
        if done.returncode != 0:
            raise Refused((done.stderr or done.stdout).strip().splitlines()[0])
        return [tuple(row) for row in json.loads(done.stdout)["rows"]]

    def close(self):
        """Nothing is held."""
