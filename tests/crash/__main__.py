"""Kill servers and workers while clients submit and poll, or take their database away; say what was lost, doubled or
stuck."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import postgresql
from crash.databases import Database, Failing, Freezing, Sqlite
from crash.run import Scene, crash, outage


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument(
        "--outage", type=float, metavar="SECONDS", help="kill nobody; the database goes away for so long"
    )
    parser.add_argument(
        "--database",
        choices=("sqlite", "postgresql", "frozen"),
        default="sqlite",
        help="frozen: PostgreSQL that does not end but says nothing, in an outage",
    )
    parser.add_argument("--servers", type=int, default=1, help="processes on one database")
    parser.add_argument("--mean", type=float, default=1.2, help="seconds between kills, on average")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="do it in this new folder, and leave it there")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing of ours outlives us
    with contextlib.ExitStack() as stack:
        if chosen.keep:
            chosen.keep.mkdir(parents=True)
        folder = chosen.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crash-")))
        database: Database = Sqlite(folder / "state" / "dragoman.sqlite3")
        if chosen.database != "sqlite":
            database = (Freezing if chosen.database == "frozen" else Failing)(stack.enter_context(postgresql.server()))
        began = time.monotonic()
        scene = Scene(
            folder,
            database,
            chosen.servers,
            chosen.seed,
            say=lambda line: print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True),
        )
        play = outage(scene, chosen.outage) if chosen.outage else crash(scene, chosen.kills, mean_s=chosen.mean)
        outcome = asyncio.run(play)
    print(json.dumps(asdict(outcome), indent=1))
    print(f"{sum(outcome.kills.values())} kills, {outcome.accepted} accepted: {outcome.findings.counts}")
    return 1 if any(outcome.findings.counts.values()) or outcome.ended_alone else 0


if __name__ == "__main__":
    sys.exit(main())
