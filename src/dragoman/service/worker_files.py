"""The ways of files through the workers.

When a worker dies, what it was at goes to its replacement, which skips the segments that are known already; so a
transcript arrives complete and each segment once.

Who is to blame for a death is not known when several files were in turn on the worker. All of them become suspects, and
from then on a worker gives the turn to one suspect alone until it gets further than it had come before; the others are
held meanwhile. So a file that crashes its worker three times at one place fails by itself, and no other file with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dragoman.core.errors import DragomanError, EngineNotReady, WorkerLost
from dragoman.core.events import Finished, Opened, RecognitionEvent
from dragoman.core.request import RecognitionRequest
from dragoman.service import worker_protocol as protocol
from dragoman.service.sharded_file import ShardedFile, ShardRun
from dragoman.service.worker_process import Worker, able

log = logging.getLogger("dragoman.workers")

_MOST_SHARDS: Final = 4
_SHARD_FROM_MS: Final = 30_000
_SHARD_FROM_BYTES: Final = 300_000
"""For a file whose header does not say how long it is."""
_HOLD_AT: Final = 64
_RESUME_AT: Final = 16
"""Events that wait for a reader before its file is held, and when it goes on."""


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
    worker: Worker | None = None
    slot: int | None = None
    """Whose next worker it waits for; ``None``: the first that is there."""
    held: bool = True


class WorkerFiles:
    """All files that are recognised. ``workers`` are those that live, by slot; their owner says when that changes."""

    def __init__(self, workers: Mapping[int, Worker], numbers: Iterator[int], cancel_grace_s: float) -> None:
        self._workers = workers
        self._numbers = numbers
        self._cancel_grace_s = cancel_grace_s
        self._attempts: defaultdict[Worker, dict[int, _Attempt]] = defaultdict(dict)
        """Those that run, by task."""
        self._waiting: list[_Attempt] = []
        self.open: set[_File] = set()

    def on(self, worker: Worker) -> int:
        """How many files, or shards of files, a worker has."""
        return len(self._attempts[worker])

    def is_working(self, worker: Worker) -> bool:
        """Whether the worker has something to do for files now."""
        return any(not attempt.held for attempt in self._attempts[worker].values())

    async def transcribe(
        self, media: Path, request: RecognitionRequest, *, urgent: bool = False
    ) -> AsyncGenerator[RecognitionEvent, None]:
        """As ``RecogniserPool`` has it. A reader that does not keep up is waited for: its file is held while 64 events
        wait for it.
        """
        file = _File(media, request, urgent)
        self.open.add(file)
        self._enqueue(file, file.shards.runs[0])
        self.place()
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
            self.open.discard(file)
            self._end(file)

    def abandon(self, slot: int) -> None:
        """There will be no worker in this slot for now: what waits for it goes to the first that is there."""
        for attempt in self._waiting:
            if attempt.slot == slot:
                attempt.slot = None
        self.place()

    def close(self, error: DragomanError) -> None:
        """Whoever waits for a file gets the error."""
        for file in list(self.open):
            self._end(file, error)

    def lost(self, worker: Worker) -> None:
        """Its attempts go to its replacement, or to nobody if they were tried too often."""
        attempts = list(self._attempts.pop(worker, {}).values())
        if not (worker.blameless or worker.stepping):
            for attempt in attempts:
                attempt.run.strikes += not attempt.held
        for attempt in attempts:
            attempt.file.attempts.remove(attempt)
            if not attempt.file.over:
                self._enqueue(attempt.file, attempt.run, None if attempt.file.urgent else worker.slot)
        for attempt in attempts:
            if attempt.run.is_hopeless:
                self._end(attempt.file, WorkerLost(_CRASHES))
        self.place()

    def _enqueue(self, file: _File, run: ShardRun, slot: int | None = None) -> None:
        attempt = _Attempt(file, run, next(self._numbers), slot=slot)
        file.attempts.append(attempt)
        self._waiting.append(attempt)

    def place(self) -> None:
        """Give what waits to workers, as far as there are any."""
        for attempt in sorted(self._waiting, key=lambda attempt: not attempt.file.urgent):
            if attempt not in self._waiting:
                continue  # its file has just ended
            try:
                candidates = able(self._workers.values(), attempt.file.request.profile, attempt.slot)
            except EngineNotReady as error:
                self._end(attempt.file, error)
                continue
            if candidates:
                self._assign(min(candidates, key=self._load), attempt)

    def _load(self, worker: Worker) -> tuple[bool, int]:
        """The lowest gets the next file: no suspect to wait for, then few to take turns with."""
        attempts = self._attempts[worker].values()
        return any(attempt.run.is_suspect for attempt in attempts), len(attempts)

    def _assign(self, worker: Worker, attempt: _Attempt) -> None:
        self._waiting.remove(attempt)
        attempt.worker = worker
        self._attempts[worker][attempt.task] = attempt
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

    def _set_turns(self, worker: Worker) -> None:
        """Hold whatever must wait, let go what need not. Urgent files are known to be harmless and always run."""
        attempts = [attempt for attempt in self._attempts[worker].values() if not attempt.file.over]
        able = [attempt for attempt in attempts if not attempt.file.full]
        suspect = next((attempt for attempt in able if attempt.run.is_suspect and not attempt.file.urgent), None)
        if suspect is not None:
            able = [attempt for attempt in able if attempt is suspect or attempt.file.urgent]
        if able and not self.is_working(worker):
            worker.heard_at = time.monotonic()
        for attempt in sorted(attempts, key=able.__contains__):  # what is to be held first
            if attempt.held != (attempt not in able):
                attempt.held = not attempt.held
                worker.process.send(protocol.Hold(attempt.task, attempt.held))

    def _split(self, file: _File, attempt: _Attempt, opened: Opened) -> None:
        """Let idle workers help with a long file."""
        able_too = able(self._workers.values(), file.request.profile, None)
        idle = [worker for worker in able_too if not self.on(worker)]
        if file.urgent or not idle or not _is_long(file.media, opened.duration_ms):
            return
        helpers = idle[: _MOST_SHARDS - 1]
        runs = file.shards.split(1 + len(helpers))
        assert attempt.worker is not None
        attempt.worker.process.send(protocol.Share(attempt.task, attempt.run.shard))
        for worker, run in zip(helpers, runs, strict=True):
            self._enqueue(file, run, worker.slot)
        self.place()

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
                loop = asyncio.get_running_loop()
                loop.call_later(self._cancel_grace_s, self._insist, attempt.worker, attempt)

    def _insist(self, worker: Worker, attempt: _Attempt) -> None:
        """What was cancelled should have stopped by now."""
        if self._workers.get(worker.slot) is worker and attempt.task in self._attempts[worker]:
            log.warning("worker %d (pid %d) does not stop; it is replaced", worker.slot, worker.process.pid)
            worker.blameless = True
            worker.process.kill()

    def take(self, worker: Worker, report: protocol.FileReport) -> None:
        """What a worker reports."""
        attempt = self._attempts[worker].get(report.task)
        if attempt is None:
            return
        file, run = attempt.file, attempt.run
        if isinstance(report, protocol.FileFinished | protocol.FileFailed):
            del self._attempts[worker][attempt.task]
            file.attempts.remove(attempt)
        was_suspect = run.is_suspect
        if not file.over:
            for event in self._events(file, attempt, report):
                file.events.put_nowait(event)
            if not file.full and file.events.qsize() >= _HOLD_AT:
                self._set_full(file, True)
        if attempt.task not in self._attempts[worker] or was_suspect != run.is_suspect:
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
            case protocol.FileSpeakers(event=event):
                return shards.speakers(event)
            case protocol.FileFinished(event=event):
                try:
                    return shards.finished(run, event)
                except DragomanError as error:
                    self._end(file, error)
            case protocol.FileFailed():
                self._end(file, protocol.error(report))
        return []


_CRASHES: Final = (
    "The recogniser crashed three times at the same place of this file. The file may be damaged; converting it, for "
    "example to FLAC, may help. Other files were not affected."
)


def _is_long(media: Path, duration_ms: int | None) -> bool:
    if duration_ms is not None:
        return duration_ms >= _SHARD_FROM_MS
    try:
        return media.stat().st_size >= _SHARD_FROM_BYTES
    except OSError:
        return False
