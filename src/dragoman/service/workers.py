"""The pool of worker processes on this machine.

Each worker is started, watched and replaced by a task of its own. What becomes of the files and of the live streams of
a worker that died is said in ``worker_files.py`` and ``live_streams.py``.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import DragomanError, EngineNotReady, Unavailable, UnknownModel
from dragoman.core.events import RecognitionEvent
from dragoman.core.request import AudioEncoding, RecognitionRequest
from dragoman.service import worker_protocol as protocol
from dragoman.service.live_streams import LiveStreams, PooledStream
from dragoman.service.worker_files import WorkerFiles
from dragoman.service.worker_process import Worker, started

log = logging.getLogger("dragoman.workers")

_START_ATTEMPTS: Final = 3
_LONGEST_PAUSE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a worker may take before it is killed and replaced, in seconds."""

    start: float = 60.0
    """To load its engines."""
    stalled_after: float = 120.0
    """Between two reports, while it has work."""
    stream_stalled_after: float = 15.0
    """Between two reports, while a live stream waits for it."""
    cancel_grace: float = 1.0
    """To stop what was cancelled."""
    first_pause: float = 0.1
    """Between two attempts to start it; doubles with each."""


class WorkerPool:
    """``RecogniserPool`` over local processes: ``command`` starts one, ``configuration`` is its first frame."""

    def __init__(
        self,
        command: Sequence[str],
        configuration: bytes,
        *,
        workers: int,
        environment: Mapping[str, str] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._command = command
        self._configuration = configuration
        self._slots = range(workers)
        self._environment = environment or {}
        self._timing = timing or Timing()
        self._workers: dict[int, Worker] = {}
        """Those that live, by slot."""
        numbers = itertools.count(1)
        self._files = WorkerFiles(self._workers, numbers, self._timing.cancel_grace)
        self._streams = LiveStreams(self._workers, numbers)
        self._tasks: list[asyncio.Task[None]] = []
        self._all_ready: asyncio.Future[None] | None = None
        self._capabilities: dict[str, Capabilities] = {}
        self._faults: dict[str, str] = {}
        self._capacities: dict[int, int] = {}
        """Of live streams, by slot: what the last worker there said."""
        self._failure = ""
        """Why a worker could not be started, if the last attempt failed."""
        self._open = False
        self._restarts = 0

    async def start(self) -> None:
        """Start all workers side by side. Raises ``EngineNotReady`` when one cannot be started."""
        self._open = True
        self._all_ready = asyncio.get_running_loop().create_future()
        self._tasks = [asyncio.create_task(self._keep(slot), name=f"worker {slot}") for slot in self._slots]
        self._tasks.append(asyncio.create_task(self._watch(), name="watch over workers"))
        try:
            await self._all_ready
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """End all workers; whoever waits for a file or a stream gets ``Unavailable``. May be called twice."""
        self._open = False
        self._fail_all(Unavailable("The server is stopping."))
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def faults(self) -> Mapping[str, str]:
        return self._faults

    def capabilities(self, profile: str) -> Capabilities:
        if profile in self._faults:
            raise EngineNotReady(self._faults[profile])
        try:
            return self._capabilities[profile]
        except KeyError:
            known = ", ".join(sorted(self._capabilities))
            raise UnknownModel(f"There is no profile {profile!r}; there are: {known}.") from None

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the workers that are ready."""
        return tuple(worker.process.pid for worker in self._workers.values() if worker.ready)

    @property
    def busy(self) -> int:
        """How many workers have something to do."""
        return sum(bool(self._files.on(worker) or self._streams.on(worker)) for worker in self._workers.values())

    @property
    def restarts(self) -> int:
        """How many workers were replaced, or tried to be."""
        return self._restarts

    @property
    def stream_capacity(self) -> int:
        return sum(self._capacities.values())

    def transcribe(
        self, media: Path, request: RecognitionRequest, *, urgent: bool = False
    ) -> AsyncGenerator[RecognitionEvent, None]:
        self._check(request)
        return self._files.transcribe(media, request, urgent=urgent)

    def open_stream(
        self,
        request: RecognitionRequest,
        rate: int,
        *,
        encoding: AudioEncoding = AudioEncoding.PCM,
        channels: int = 1,
    ) -> PooledStream:
        """Raises ``NoFreeInstance`` as well while the workers are behind with the streams they have."""
        self._check(request)
        return self._streams.open(request, rate, encoding, channels)

    def _check(self, request: RecognitionRequest) -> None:
        if not self._open:
            raise Unavailable("The server is stopping.")
        if self._failure and not self.pids:
            raise EngineNotReady(self._failure)
        self.capabilities(request.profile)

    # The lives of workers

    async def _keep(self, slot: int) -> None:
        """There is a worker in this slot, one after the other."""
        failures = 0
        while True:
            if failures:
                await asyncio.sleep(min(self._timing.first_pause * 2 ** (failures - 1), _LONGEST_PAUSE_S))
            try:
                was_ready = await self._live(slot)
            except OSError as error:
                log.error("worker %d cannot be started: %s", slot, error)
                was_ready = False
            self._restarts += 1
            failures = 0 if was_ready else failures + 1
            if failures:
                self._not_started(slot, failures)

    async def _live(self, slot: int) -> bool:
        """The life of one worker; whether it ever was ready."""
        known = {protocol.STREAM_CAPACITY: str(self._capacities[slot])} if slot in self._capacities else {}
        async with started(self._command, self._configuration, {**self._environment, **known}) as process:
            worker = self._workers[slot] = Worker(slot, process)
            try:
                async with aclosing(process.reports()) as reports:
                    async for report in reports:
                        self._take(worker, report)
            except protocol.ProtocolError as error:
                log.error("worker %d (pid %d) does not keep to the protocol: %s", slot, process.pid, error)
            except Exception:
                log.exception("worker %d (pid %d)", slot, process.pid)
            finally:
                del self._workers[slot]
        files, streams = self._files.on(worker), self._streams.on(worker)
        ending = process.ending
        log.warning("worker %d (pid %d) %s, with %d files, %d streams", slot, process.pid, ending, files, streams)
        self._files.lost(worker)
        self._streams.lost(worker)
        return worker.ready

    def _not_started(self, slot: int, failures: int) -> None:
        self._files.abandon(slot)
        self._streams.abandon(slot)
        if failures >= _START_ATTEMPTS and not self._failure:
            self._failure = "The recognition process does not start; the log of the server says why."
        if not self._failure:
            return
        if self._all_ready is not None and not self._all_ready.done():
            self._all_ready.set_exception(EngineNotReady(self._failure))
        if not self.pids:
            self._fail_all(EngineNotReady(self._failure))

    def _fail_all(self, error: DragomanError) -> None:
        self._files.close(error)
        self._streams.close(error)

    async def _watch(self) -> None:
        """Kill workers that have something to do and say nothing."""
        while True:
            await asyncio.sleep(min(1.0, self._timing.stalled_after / 4))
            for worker in list(self._workers.values()):
                if self._is_stalled(worker, time.monotonic()):
                    log.error("worker %d (pid %d) is stalled; it is replaced", worker.slot, worker.process.pid)
                    worker.process.kill()

    def _is_stalled(self, worker: Worker, now: float) -> bool:
        if not worker.ready:
            return now - worker.heard_at > self._timing.start
        since = self._streams.silent_since(worker)
        if since is not None and now - since > self._timing.stream_stalled_after:
            return True
        return self._files.is_working(worker) and now - worker.heard_at > self._timing.stalled_after

    def _look_at_faults(self) -> None:
        """A profile is at fault while no worker has a recogniser for it."""
        ready = [worker for worker in self._workers.values() if worker.ready]
        faults = {name: fault for name, fault in ready[0].faults.items() if all(name in w.faults for w in ready)}
        for name, fault in faults.items():
            if self._faults.get(name) != fault:
                log.error("profile %s cannot be used: %s", name, fault)
        self._faults = faults

    def _take(self, worker: Worker, report: protocol.Report) -> None:
        worker.heard_at = time.monotonic()
        match report:
            case protocol.Ready(capabilities=capabilities, load_ms=load_ms, streams=streams, faults=faults):
                log.info(
                    "worker %d (pid %d) is ready, loaded in %d ms; it can serve %d live streams",
                    *(worker.slot, worker.process.pid, load_ms, streams),
                )
                worker.ready = True
                worker.faults = faults
                self._capabilities |= capabilities
                self._look_at_faults()
                self._capacities[worker.slot] = streams
                self._failure = ""
                if self._all_ready is not None and not self._all_ready.done() and len(self.pids) == len(self._slots):
                    self._all_ready.set_result(None)
                self._files.place()
                self._streams.place()
            case protocol.NotReady(message=message):
                log.error("worker %d (pid %d) cannot load its engine: %s", worker.slot, worker.process.pid, message)
                self._failure = message
            case protocol.Streams() | protocol.Stepping():
                self._streams.take(worker, report)
            case _:
                self._files.take(worker, report)
