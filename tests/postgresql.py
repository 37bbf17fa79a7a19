"""A PostgreSQL server of its own for tests, from the programs of this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def why_not() -> str | None:
    """What is missing here; ``None``: nothing."""
    if importlib.util.find_spec("psycopg") is None:
        return "needs the package psycopg: dragoman[postgres]"
    if not _programs():
        return "needs the programs of PostgreSQL in /usr/lib/postgresql/*/bin"
    if os.name != "posix" or (os.getuid() == 0 and _unprivileged() is None):
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


@contextmanager
def running() -> Iterator[str]:
    """The URL of an empty database; the server and all of it is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of a socket has at most 107 bytes
    user: dict[str, int] = {}
    if os.getuid() == 0 and (found := _unprivileged()) is not None:
        uid, gid = found
        os.chown(folder, uid, gid)
        user = {"user": uid, "group": gid}
    try:
        subprocess.run(
            [_programs() / "initdb", "-D", folder / "data", "-U", "dragoman", "-A", "trust", "-E", "UTF8", "-N"],
            check=True,
            capture_output=True,
            cwd=folder,
            **user,
        )
        server = subprocess.Popen(
            [_programs() / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **user,
        )
        try:
            ready = [_programs() / "pg_isready", "-q", "-h", folder, "-U", "dragoman"]
            for _ in range(200):
                if subprocess.run(ready, check=False).returncode == 0:
                    break
                time.sleep(0.05)
            yield f"postgresql://dragoman@/postgres?host={folder}"
        finally:
            server.terminate()
            server.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _unprivileged() -> tuple[int, int] | None:
    import pwd

    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid
