"""A PostgreSQL server of its own for tests, from the programs of this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
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


class Server:
    """A cluster in ``folder``, which can fail and come back. ``url`` is that of its database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._user: dict[str, int] = {}
        if os.getuid() == 0 and (found := _unprivileged()) is not None:
            uid, gid = found
            os.chown(folder, uid, gid)
            self._user = {"user": uid, "group": gid}
        self.url = f"postgresql://dragoman@/postgres?host={folder}"
        subprocess.run(
            [_programs() / "initdb", "-D", folder / "data", "-U", "dragoman", "-A", "trust", "-E", "UTF8", "-N"],
            check=True,
            capture_output=True,
            cwd=folder,
            **self._user,
        )

    def start(self) -> None:
        """Waits until it takes connections."""
        folder = self._folder
        self._process = subprocess.Popen(
            [_programs() / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-F"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **self._user,
        )
        ready = [_programs() / "pg_isready", "-q", "-h", folder, "-U", "dragoman"]
        for _ in range(200):
            if subprocess.run(ready, check=False).returncode == 0:
                break
            time.sleep(0.05)

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def fail(self) -> None:
        """Ends at once: what was not committed is lost, and every connection with it."""
        self._end(signal.SIGQUIT)

    def _end(self, how: int) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def freeze(self) -> None:
        """Nobody gets an answer any more, and no connection is closed."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, what: int) -> None:
        assert self._process is not None
        pid = self._process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), what)
        os.kill(pid, what)


@contextmanager
def server() -> Iterator[Server]:
    """One that runs, with an empty database; all of it is gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: the path of a socket has at most 107 bytes
    try:
        made = Server(folder)
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running() -> Iterator[str]:
    """The URL of an empty database; the server and all of it is gone at the end."""
    with server() as made:
        yield made.url


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
