"""One worker process, as the server sees it: start it, send orders, read reports, end it; what is known of it."""

from __future__ import annotations

import asyncio
import os
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from dragoman.service import worker_protocol as protocol

_MOMENT_S: Final = 1.0
_GATHER_S: Final = 0.004
"""Orders of many streams leave together, at least so far apart; of few streams each leaves at once."""


class WorkerProcess:
    """Reports arrive by asyncio's own pipes, which stop reading when nobody takes them."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._orders = bytearray()
        """As frames, not yet on their way."""
        self._flushed_at = 0.0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ending(self) -> str:
        """How it ended, for the log."""
        code = self._process.returncode
        if code is None:
            return "is still running"
        return f"died of signal {-code}" if code < 0 else f"ended with code {code}"

    def send(self, order: protocol.Order) -> None:
        """Never waits: of files orders are few and short, and a live stream bounds the audio that is on its way. What
        is sent to a dead process is lost.

        Every write costs both sides more than what is in it.
        """
        if not self._orders:
            loop = asyncio.get_running_loop()
            loop.call_at(self._flushed_at + _GATHER_S, self._flush)
        protocol.append(self._orders, order)

    def _flush(self) -> None:
        assert self._process.stdin is not None
        self._flushed_at = asyncio.get_running_loop().time()
        orders, self._orders = self._orders, bytearray()
        if not self._process.stdin.is_closing():
            self._process.stdin.write(orders)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()

    async def reports(self) -> AsyncGenerator[protocol.Report, None]:
        """Until the process ends. Raises ``ProtocolError`` when it says what is not a report."""
        assert self._process.stdout is not None
        read = self._process.stdout.readexactly
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = protocol.length(await read(protocol.HEADER.size))
                yield protocol.decode_report(await read(size))


@dataclass(slots=True, eq=False)
class Worker:
    """A process that lives, and what it said last."""

    slot: int
    process: WorkerProcess
    ready: bool = False
    heard_at: float = field(default_factory=time.monotonic)
    """When it last reported or was last given something to do."""
    blameless: bool = False
    """The pool killed it for a reason that is no fault of what runs on it."""
    stepping: frozenset[int] = frozenset()
    """The live streams that it computes for."""
    sessions: int = 0
    """The live streams that it has."""
    late_ms: int = 0
    """With the live stream that it is latest with."""


@asynccontextmanager
async def started(
    command: Sequence[str], configuration: bytes, environment: Mapping[str, str]
) -> AsyncIterator[WorkerProcess]:
    """A running process with its configuration sent. When the block ends, so does the process: it is given a moment."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, **environment},
        start_new_session=True,  # what is typed at a terminal is for the server, which ends its workers itself
    )
    assert process.stdin is not None
    if not process.stdin.is_closing():  # it may have ended already, as its reports will tell
        process.stdin.write(protocol.frame(configuration))
    worker = WorkerProcess(process)
    try:
        yield worker
    finally:
        process.stdin.close()  # a worker ends with its orders
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_MOMENT_S):
                    await process.communicate()
        finally:
            worker.kill()
            await process.communicate()
