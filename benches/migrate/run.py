#!/usr/bin/env python3
"""Migrates a PostgreSQL table to a lake, kills the process once on the way and lets it go on; says how much memory it took.

Usage: run.py QUOTELAKE [ROWS]        (`make migrate-bench`)

Starts a server of its own (Debian's package `postgresql`) in a temporary folder, reached by a socket in it, and stops it.
Ends with 1 when the two sides of the reconciliation differ, or when four times the rows take much more memory.
"""

import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent.parent / "samples" / "migrate"
DAYS = 5000


def unprivileged():
    """The server refuses root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    sys.exit("root may not run the server, and there is no user `postgres` or `nobody`")


class Server:
    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        if not found:
            sys.exit("PostgreSQL is not installed: apt-get install postgresql")
        self.bin, self.folder = Path(found[-1]).parent, folder
        who = unprivileged()
        if who:
            os.chown(folder, who["user"], who["group"])
        data = folder / "data"
        subprocess.run(
            [self.bin / "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D", data],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)
        settings = ["listen_addresses=", "fsync=off", "full_page_writes=off", "max_wal_size=4GB"]
        arguments = [part for setting in settings for part in ("-c", setting)]
        self.process = subprocess.Popen(
            [self.bin / "postgres", "-D", data, "-k", folder, *arguments],
            stdout=subprocess.DEVNULL, stderr=open(folder / "log", "w"), cwd=folder, **who)
        while subprocess.run([self.bin / "pg_isready", "-q", "-h", folder]).returncode != 0:
            if self.process.poll() is not None:
                sys.exit((folder / "log").read_text())
            time.sleep(0.05)

    @property
    def url(self):
        return f"host={self.folder} user=postgres dbname=postgres"

    def sql(self, text):
        subprocess.run([self.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", text], check=True)

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


def fill(server, rows):
    symbols = max(1, rows // DAYS)
    server.sql("DROP SCHEMA IF EXISTS legacy CASCADE")
    server.sql((SAMPLES / "legacy.sql").read_text())
    # XXXX is no market (ISO 10383): every day may have a bar.
    server.sql(f"""
        INSERT INTO legacy.daily_prices (symbol, mic, trade_date, open_price, high_price, low_price, close_price, volume)
        SELECT 'S' || s, 'XXXX', date '2004-01-01' + d, c, c + 0.5, c - 0.5, c, 1000 + (s * 31 + d) % 997
        FROM generate_series(1, {symbols}) s, generate_series(0, {DAYS - 1}) d,
             LATERAL (SELECT 20 + ((s * 7 + d * 13) % 9973)::numeric / 10000 AS c) price;
        ANALYZE legacy.daily_prices""")
    return symbols * DAYS


def migrate(quotelake, server, lake, kill_after_parts=None):
    """Exit code, report, seconds, and the peak of memory in MB."""
    command = [quotelake, "migrate", "--json", "--mapping", SAMPLES / "mapping.yaml", "--lake", lake,
               "--database-url-secret", "env:LEGACY_URL"]
    began = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, env={**os.environ, "LEGACY_URL": server.url}, stdout=out)
        if kill_after_parts is not None:
            checkpoint = lake / "state" / "migrate" / "legacy-daily_bars.json"
            while not (checkpoint.exists() and json.loads(checkpoint.read_text())["parts"] >= kill_after_parts):
                if process.poll() is not None:
                    sys.exit("the migration ended before it could be killed")
                time.sleep(0.02)
            process.kill()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began
        out.seek(0)
        text = out.read()
    report = json.loads(text) if text else None
    return process.returncode, report, seconds, usage.ru_maxrss / 1024


def equal(report):
    bars = report["datasets"][0]
    return bars["equal"] and len(bars["symbols"]) > 0


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    quotelake = Path(sys.argv[1]).resolve()
    rows = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
    folder = Path(tempfile.mkdtemp(prefix="quotelake-migrate-"))
    server = Server(folder)
    try:
        small_rows = fill(server, rows // 4)
        code, report, seconds, small_mb = migrate(quotelake, server, folder / "small")
        assert code == 0 and equal(report), (code, report and report["checked"])
        print(f"{small_rows:>10,} rows  {seconds:6.1f} s  peak {small_mb:6.1f} MB  equal on both sides", flush=True)

        rows = fill(server, rows)
        code, report, seconds, mb = migrate(quotelake, server, folder / "large", kill_after_parts=7)
        assert code == -signal.SIGKILL, code
        killed_at = json.loads((folder / "large/state/migrate/legacy-daily_bars.json").read_text())["rows"]
        print(f"{killed_at:>10,} rows  {seconds:6.1f} s  peak {mb:6.1f} MB  killed with SIGKILL", flush=True)
        code, report, seconds, large_mb = migrate(quotelake, server, folder / "large")
        assert code == 0 and equal(report), (code, report and report["checked"])
        bars = report["datasets"][0]
        assert bars["rows"] == rows and bars["rows_copied"] == rows - killed_at, (bars["rows"], bars["rows_copied"])
        assert sum(symbol["lake"]["rows"] for symbol in bars["symbols"]) == rows
        print(f"{rows - killed_at:>10,} rows  {seconds:6.1f} s  peak {large_mb:6.1f} MB  resumed; "
              f"{rows:,} rows of {len(bars['symbols'])} symbols equal on both sides", flush=True)
        assert large_mb < 1.5 * small_mb, f"memory grows with the table: {small_mb:.0f} MB to {large_mb:.0f} MB"
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


main()
