"""The pool of worker processes on this machine.

Each worker is started, watched and replaced by a task of its own. When one dies, what it was at goes to its
replacement, which skips the segments that are known already; so a transcript arrives complete and each segment once.

Who is to blame for a death is not known when several files were in turn on the worker. All of them become suspects, and
from then on a worker gives the turn to one suspect alone until it gets further than it had come before; the others are
held meanwhile. So a file that crashes its worker three times at one place fails by itself, and no other file with it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import (
    DragomanError,
    EngineNotReady,
    InvalidRequest,
    Unavailable,
    UnknownModel,
    WorkerLost,
    by_code,
)
from dragoman.core.events import Finished, Opened, RecognitionEvent
from dragoman.core.request import RecognitionRequest
from dragoman.service import worker_protocol as protocol
from dragoman.service.sharded_file import ShardedFile, ShardRun
from dragoman.service.worker_process import WorkerProcess, started

log = logging.getLogger("dragoman.workers")

_MOST_SHARDS: Final = 4
_SHARD_FROM_MS: Final = 30_000
_SHARD_FROM_BYTES: Final = 300_000
"""For a file whose header does not say how long it is."""
_HOLD_AT: Final = 64
_RESUME_AT: Final = 16
"""Events that wait for a reader before its file is held, and when it goes on."""
_START_ATTEMPTS: Final = 3
_LONGEST_PAUSE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a worker may take before it is killed and replaced, in seconds."""

    start: float = 60.0
    """To load its engines."""
    stalled_after: float = 120.0
    """Between two reports, while it has work."""
    cancel_grace: float = 1.0
    """To stop what was cancelled."""
    first_pause: float = 0.1
    """Between two attempts to start it; doubles with each."""


@dataclass(slots=True, eq=False)
class _File:
    """One call of ``transcribe``."""

    media: Path
    request: RecognitionRequest
    urgent: bool
    shards: ShardedFile = field(default_factory=ShardedFile)
    events: asyncio.Queue[RecognitionEvent | DragomanError] = field(default_factory=asyncio.Queue)
    attempts: list[_Attempt] = field(default_factory=list)
    """Those that wait or run."""
    full: bool = False
    """Its reader is behind."""
    over: bool = False


@dataclass(slots=True, eq=False)
class _Attempt:
    """One shard of a file, waiting for a worker or on one."""

    file: _File
    run: ShardRun
    task: int
    worker: _Worker | None = None
    slot: int | None = None
    """Whose next worker it waits for; ``None``: the first that is there."""
    held: bool = True


@dataclass(slots=True, eq=False)
class _Worker:
    """A process that lives."""

    slot: int
    process: WorkerProcess
    attempts: dict[int, _Attempt] = field(default_factory=dict)
    ready: bool = False
    heard_at: float = field(default_factory=time.monotonic)
    """When it last reported or was last given something to do."""
    blameless: bool = False
    """The pool killed it for a reason that is no fault of what runs on it."""

    @property
    def is_working(self) -> bool:
        return not self.ready or any(not attempt.held for attempt in self.attempts.values())


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
        self._workers: dict[int, _Worker] = {}
        """Those that live, by slot."""
        self._files: set[_File] = set()
        self._waiting: list[_Attempt] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._all_ready: asyncio.Future[None] | None = None
        self._capabilities: dict[str, Capabilities] = {}
        self._failure = ""
        """Why a worker could not be started, if the last attempt failed."""
        self._numbers = itertools.count(1)
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
        """End all workers; whoever waits for a file gets ``Unavailable``. May be called twice."""
        self._open = False
        for file in list(self._files):
            self._end(file, Unavailable("The server is stopping."))
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def capabilities(self, profile: str) -> Capabilities:
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
        return sum(bool(worker.attempts) for worker in self._workers.values())

    @property
    def restarts(self) -> int:
        """How many workers were replaced, or tried to be."""
        return self._restarts

    async def transcribe(
        self, media: Path, request: RecognitionRequest, *, urgent: bool = False
    ) -> AsyncGenerator[RecognitionEvent, None]:
        """A reader that does not keep up is waited for: its file is held while 64 events wait for it."""
        if not self._open:
            raise Unavailable("The server is stopping.")
        if self._failure and not self.pids:
            raise EngineNotReady(self._failure)
        self.capabilities(request.profile)
        file = _File(media, request, urgent)
        self._files.add(file)
        self._enqueue(file, file.shards.runs[0])
        self._place()
        try:
            while True:
                event = await file.events.get()
                if file.full and file.events.qsize() <= _RESUME_AT:
                    self._set_full(file, False)
                if isinstance(event, DragomanError):
                    raise event
                yield event
                if isinstance(event, Finished):
                    return
        finally:
            self._files.discard(file)
            self._end(file)

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
        async with started(self._command, self._configuration, self._environment) as process:
            worker = self._workers[slot] = _Worker(slot, process)
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
        log.warning("worker %d (pid %d) %s, with %d files", slot, process.pid, process.ending, len(worker.attempts))
        self._lost(worker)
        return worker.ready

    def _not_started(self, slot: int, failures: int) -> None:
        for attempt in self._waiting:
            if attempt.slot == slot:
                attempt.slot = None
        self._place()
        if failures >= _START_ATTEMPTS and not self._failure:
            self._failure = "The recognition process does not start; the log of the server says why."
        if not self._failure:
            return
        if self._all_ready is not None and not self._all_ready.done():
            self._all_ready.set_exception(EngineNotReady(self._failure))
        if not self.pids:
            for file in list(self._files):
                self._end(file, EngineNotReady(self._failure))

    async def _watch(self) -> None:
        """Kill workers that have something to do and say nothing."""
        while True:
            await asyncio.sleep(min(1.0, self._timing.stalled_after / 4))
            for worker in list(self._workers.values()):
                patience_s = self._timing.stalled_after if worker.ready else self._timing.start
                if worker.is_working and time.monotonic() - worker.heard_at > patience_s:
                    log.error("worker %d (pid %d) is stalled; it is replaced", worker.slot, worker.process.pid)
                    worker.process.kill()

    def _lost(self, worker: _Worker) -> None:
        """Its attempts go to its replacement, or to nobody if they were tried too often."""
        attempts = list(worker.attempts.values())
        if not worker.blameless:
            for attempt in attempts:
                attempt.run.strikes += not attempt.held
        for attempt in attempts:
            attempt.file.attempts.remove(attempt)
            if not attempt.file.over:
                self._enqueue(attempt.file, attempt.run, None if attempt.file.urgent else worker.slot)
        for attempt in attempts:
            if attempt.run.is_hopeless:
                self._end(attempt.file, WorkerLost(_CRASHES))
        self._place()

    # The ways of files

    def _enqueue(self, file: _File, run: ShardRun, slot: int | None = None) -> None:
        attempt = _Attempt(file, run, next(self._numbers), slot=slot)
        file.attempts.append(attempt)
        self._waiting.append(attempt)

    def _place(self) -> None:
        """Give what waits to workers, as far as there are any."""
        for attempt in sorted(self._waiting, key=lambda attempt: not attempt.file.urgent):
            candidates = [
                worker
                for worker in self._workers.values()
                if worker.ready and (attempt.slot is None or attempt.slot == worker.slot)
            ]
            if candidates:
                self._assign(min(candidates, key=_load), attempt)

    def _assign(self, worker: _Worker, attempt: _Attempt) -> None:
        self._waiting.remove(attempt)
        attempt.worker = worker
        worker.attempts[attempt.task] = attempt
        attempt.file.shards.begin(attempt.run)
        worker.process.send(
            protocol.Start(
                task=attempt.task,
                media=str(attempt.file.media),
                request=attempt.file.request,
                shard=attempt.run.shard,
                done=attempt.file.shards.done,
                urgent=attempt.file.urgent,
            )
        )
        self._set_turns(worker)

    def _set_turns(self, worker: _Worker) -> None:
        """Hold whatever must wait, let go what need not. Urgent files are known to be harmless and always run."""
        attempts = [attempt for attempt in worker.attempts.values() if not attempt.file.over]
        able = [attempt for attempt in attempts if not attempt.file.full]
        suspect = next((attempt for attempt in able if attempt.run.is_suspect and not attempt.file.urgent), None)
        if suspect is not None:
            able = [attempt for attempt in able if attempt is suspect or attempt.file.urgent]
        if able and not worker.is_working:
            worker.heard_at = time.monotonic()
        for attempt in sorted(attempts, key=able.__contains__):  # what is to be held first
            if attempt.held != (attempt not in able):
                attempt.held = not attempt.held
                worker.process.send(protocol.Hold(attempt.task, attempt.held))

    def _split(self, file: _File, attempt: _Attempt, opened: Opened) -> None:
        """Let idle workers help with a long file."""
        idle = [worker for worker in self._workers.values() if worker.ready and not worker.attempts]
        if file.urgent or not idle or not _is_long(file.media, opened.duration_ms):
            return
        helpers = idle[: _MOST_SHARDS - 1]
        runs = file.shards.split(1 + len(helpers))
        assert attempt.worker is not None
        attempt.worker.process.send(protocol.Share(attempt.task, attempt.run.shard))
        for worker, run in zip(helpers, runs, strict=True):
            self._enqueue(file, run, worker.slot)
        self._place()

    def _set_full(self, file: _File, full: bool) -> None:
        file.full = full
        for attempt in file.attempts:
            if attempt.worker is not None:
                self._set_turns(attempt.worker)

    def _end(self, file: _File, error: DragomanError | None = None) -> None:
        """Nothing more will be done for the file. Its reader, if there is one, gets the error."""
        if file.over:
            return
        file.over = True
        if error is not None:
            file.events.put_nowait(error)
        for attempt in list(file.attempts):
            if attempt.worker is None:
                self._waiting.remove(attempt)
                file.attempts.remove(attempt)
            else:
                attempt.worker.process.send(protocol.Cancel(attempt.task))
                grace = self._timing.cancel_grace
                asyncio.get_running_loop().call_later(grace, self._insist, attempt.worker, attempt)

    def _insist(self, worker: _Worker, attempt: _Attempt) -> None:
        """What was cancelled should have stopped by now."""
        if attempt.task in worker.attempts and self._workers.get(worker.slot) is worker:
            log.warning("worker %d (pid %d) does not stop; it is replaced", worker.slot, worker.process.pid)
            worker.blameless = True
            worker.process.kill()

    # What workers report

    def _take(self, worker: _Worker, report: protocol.Report) -> None:
        worker.heard_at = time.monotonic()
        match report:
            case protocol.Ready(capabilities=capabilities, load_ms=load_ms):
                log.info("worker %d (pid %d) is ready, loaded in %d ms", worker.slot, worker.process.pid, load_ms)
                worker.ready = True
                self._capabilities = capabilities
                self._failure = ""
                if self._all_ready is not None and not self._all_ready.done() and len(self.pids) == len(self._slots):
                    self._all_ready.set_result(None)
                self._place()
            case protocol.NotReady(message=message):
                log.error("worker %d (pid %d) cannot load its engine: %s", worker.slot, worker.process.pid, message)
                self._failure = message
            case _:
                attempt = worker.attempts.get(report.task)
                if attempt is not None:
                    self._take_file(worker, attempt, report)

    def _take_file(self, worker: _Worker, attempt: _Attempt, report: protocol.FileReport) -> None:
        file, run = attempt.file, attempt.run
        if isinstance(report, protocol.FileFinished | protocol.FileFailed):
            del worker.attempts[attempt.task]
            file.attempts.remove(attempt)
        was_suspect = run.is_suspect
        if not file.over:
            for event in self._events(file, attempt, report):
                file.events.put_nowait(event)
            if not file.full and file.events.qsize() >= _HOLD_AT:
                self._set_full(file, True)
        if attempt.task not in worker.attempts or was_suspect != run.is_suspect:
            self._set_turns(worker)

    def _events(self, file: _File, attempt: _Attempt, report: protocol.FileReport) -> list[RecognitionEvent]:
        shards, run = file.shards, attempt.run
        match report:
            case protocol.FileOpened(event=event):
                events = shards.opened(event)
                if events:
                    self._split(file, attempt, event)
                return events
            case protocol.FileProgress(event=event):
                return shards.progress(run, event)
            case protocol.SegmentDone(index=index, segment=segment):
                return shards.segment(run, index, segment)
            case protocol.FileFinished(event=event):
                try:
                    return shards.finished(run, event)
                except DragomanError as error:
                    self._end(file, error)
            case protocol.FileFailed():
                self._end(file, _error(report))
        return []


_CRASHES: Final = (
    "The recogniser crashed three times at the same place of this file. The file may be damaged; converting it, for "
    "example to FLAC, may help. Other files were not affected."
)


def _load(worker: _Worker) -> tuple[bool, int]:
    """The lowest gets the next file: no suspect to wait for, then few to take turns with."""
    return any(attempt.run.is_suspect for attempt in worker.attempts.values()), len(worker.attempts)


def _is_long(media: Path, duration_ms: int | None) -> bool:
    if duration_ms is not None:
        return duration_ms >= _SHARD_FROM_MS
    try:
        return media.stat().st_size >= _SHARD_FROM_BYTES
    except OSError:
        return False


def _error(report: protocol.FileFailed) -> DragomanError:
    error = by_code(report.code, report.message)
    if isinstance(error, InvalidRequest):
        error.field = report.field
    return error
