"""Server processes over one state, to be killed and started again."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import httpx

from command import Dragoman

_START_LIMIT_S = 120
_LOOK_S = 0.05


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def descendants(pid: int) -> list[int]:
    """All processes below one (Linux); those that end meanwhile are left out."""
    pids = [pid]
    for parent in pids:
        with suppress(OSError):
            pids += [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    return pids[1:]


class Server:
    """``dragoman serve`` on a port of its own, whatever becomes of its process."""

    def __init__(self, command: Dragoman, log: Path, *arguments: str) -> None:
        self._command = command
        self._log = log
        self._arguments = arguments
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = self._command.start("serve", f"--port={self.port}", *self._arguments, stdout=log, stderr=log)

    async def ready(self) -> None:
        """Wait until it recognises speech."""
        async with asyncio.timeout(_START_LIMIT_S), httpx.AsyncClient(timeout=10) as client:
            while True:
                assert self.alive, f"the server ended:\n{self._log.read_text()[-2000:]}"
                with suppress(httpx.TransportError):
                    if (await client.get(f"{self.url}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(_LOOK_S)

    def kill(self) -> None:
        """The server alone; its workers see that nobody reads them any more."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill_group(self) -> None:
        """All at once, as when the machine goes down."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_worker(self, rng: random.Random) -> bool:
        """One of them; whether there was any."""
        assert self.process is not None
        workers = descendants(self.process.pid)
        if not workers:
            return False
        with suppress(ProcessLookupError):
            os.kill(rng.choice(workers), signal.SIGKILL)
        return True

    async def stop(self) -> None:
        """As its operator stops it."""
        if self.alive:
            assert self.process is not None
            self.process.terminate()
            await asyncio.to_thread(self.process.wait, _START_LIMIT_S)


class Mayhem:
    """Kills servers and workers until it has done so ``most`` times, and starts again what it has ended.

    Now and then it leaves them in peace for as long as ``calm_s``, so that work is done at all.
    """

    def __init__(self, servers: list[Server], rng: random.Random, most: int, *, mean_s: float, calm_s: float) -> None:
        self._servers = servers
        self._rng = rng
        self._most = most
        self._mean_s = mean_s
        self._calm_s = calm_s
        self.kills = dict.fromkeys(("worker", "server", "server and workers"), 0)
        self.ended_alone = 0
        """How often a server ended that nobody had killed."""

    async def run(self) -> None:
        while sum(self.kills.values()) < self._most:
            calm = self._rng.random() < 0.03
            await asyncio.sleep(self._calm_s if calm else self._rng.expovariate(1 / self._mean_s))
            server = self._rng.choice(self._servers)
            if not server.alive:
                self.ended_alone += 1
                server.start()
                continue
            dice = self._rng.random()
            if dice < 0.45:
                if server.kill_worker(self._rng):
                    self.kills["worker"] += 1
                continue
            if dice < 0.8:
                server.kill()
                self.kills["server"] += 1
            else:
                server.kill_group()
                self.kills["server and workers"] += 1
            if self._rng.random() < 0.3:
                await asyncio.sleep(self._rng.uniform(0, 2))
            server.start()
