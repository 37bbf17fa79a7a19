"""A worker process: ``python -m dragoman.server.worker_main``. The server starts it; nobody else does.

Standard input carries the server's orders, standard output the worker's reports (``service/worker_protocol.py``); both
are moved to private descriptors first, so that nothing a native library prints can disturb them. A thread takes the
orders; the main thread does the work: what is due for live streams, and in the time that is left a step of one file
after a step of another. When the server is gone, the orders end, and so does the process.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib.util
import io
import itertools
import logging
import os
import signal
import sys
import threading
import time
import traceback
import wave
from array import array
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Never

import msgspec

from dragoman.core.errors import Cancelled, DragomanError, InternalError, InvalidRequest
from dragoman.core.events import AudioEventsFound, Finished, Opened, Progress, SpeakersFound
from dragoman.core.ports import SAMPLE_RATE
from dragoman.server.profiles import load_recognisers, media_limits
from dragoman.server.settings import Settings, load_settings
from dragoman.service import worker_protocol as protocol
from dragoman.service.calibration import stream_capacity
from dragoman.service.endpointing import EndpointingRule
from dragoman.service.stream_turns import StreamTurns
from dragoman.service.transcribe import FileReport, Recognised, Transcriber

log = logging.getLogger("dragoman.worker")

_NICE: Final = 5
"""The server answers before the workers compute."""
_SPOKEN: Final = Path("assets", "two_cities.wav")
_SPOKEN_FROM_S: Final = 0.5
_SPOKEN_S: Final = 3.0
_POLL_S: Final = 0.02
"""Between two looks at the live streams while a segment of a file is recognised."""
_READ: Final = 2**16
"""Bytes of orders at a time; as much as a pipe holds."""


def main() -> Never:
    orders, reports = _private_streams()
    configuration = protocol.read_frame(orders)
    if configuration is None:
        os._exit(0)
    settings = load_settings(msgspec.json.decode(configuration), environ={})
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    _restrict(settings)
    worker = Worker(reports)
    threading.Thread(target=_take_orders, args=(orders, worker), name="orders", daemon=True).start()
    started = time.monotonic()
    try:
        loaded = load_recognisers(settings)
    except DragomanError as error:
        worker.send([protocol.NotReady(error.message)])
        os._exit(1)
    rule = EndpointingRule(settings.utterance_silence_ms, settings.utterance_longest_ms)
    recognisers = loaded.recognisers
    streams = StreamTurns(recognisers, rule, settings.max_duration_s, worker.send)
    known = os.environ.get(protocol.STREAM_CAPACITY)
    capacity = int(known) if known else stream_capacity(recognisers["default"], *_spoken())
    load_ms = round((time.monotonic() - started) * 1000)
    transcriber = Transcriber(recognisers, media_limits(settings))
    ready = protocol.Ready(transcriber.capabilities(), load_ms, capacity, loaded.faults)
    gc.freeze()  # what is loaded by now stays; to look through it again and again would stop everything for a while
    worker.run(transcriber, streams, ready)


def _spoken() -> tuple[bytes, int]:
    """Somebody who speaks, and the rate, to measure with; nothing if the package is not complete.

    The recording is brought down to the 16 kHz that most streams have. It is made quiet, so that no mishap in a script
    of the fake engine takes it for its cue.
    """
    spec = importlib.util.find_spec("moonshine_voice")  # found, not imported: importing loads a native library
    recording = Path(spec.origin).parent / _SPOKEN if spec is not None and spec.origin is not None else _SPOKEN
    with suppress(OSError), wave.open(str(recording)) as whole:
        step = whole.getframerate() // SAMPLE_RATE
        whole.readframes(round(_SPOKEN_FROM_S * whole.getframerate()))
        samples = array("h", whole.readframes(round(_SPOKEN_S * whole.getframerate())))
        means = (sum(samples[first : first + step]) // step for first in range(0, len(samples), step))
        return array("h", [mean // 10 for mean in means]).tobytes(), SAMPLE_RATE
    return b"", SAMPLE_RATE


@dataclass(slots=True, eq=False)
class _Task:
    """One file, as far as this worker has it."""

    start: protocol.Start
    shard: protocol.Shard
    held: bool = True
    turn: int = 0
    """When it had its last step."""
    steps: Generator[FileReport, None, None] | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    answered: bool = False
    """The server knows that it ended."""

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """The lowest goes next: what is only to be cleaned up, then what is urgent, then what waited longest."""
        return (not self.cancelled.is_set(), not self.start.urgent, self.turn)


class Worker:
    """Files that take turns, and live streams, which go before them. ``receive`` is for the thread that takes the
    orders, ``run`` for the main thread."""

    def __init__(self, reports: BinaryIO) -> None:
        self._reports = reports
        self._sending = threading.Lock()
        self._changed = threading.Condition()
        """Guards what both threads use: the tasks and which of them has its step now."""
        self._tasks: dict[int, _Task] = {}
        self._current: _Task | None = None
        self._transcriber: Transcriber
        self._streams: StreamTurns
        self._served_at = 0.0

    def send(self, reports: Sequence[protocol.Report]) -> None:
        try:
            with self._sending:
                self._reports.write(b"".join(map(protocol.encode, reports)))
                self._reports.flush()
        except BrokenPipeError:
            os._exit(0)

    def receive(self, orders: Sequence[protocol.Order]) -> None:
        with self._changed:
            for order in orders:
                self._receive(order)
            self._changed.notify()

    def _receive(self, order: protocol.Order) -> None:
        task = self._tasks.get(order.task)
        match order:
            case protocol.OpenStream() | protocol.Audio() | protocol.EndStream():
                self._streams.receive(order)
            case protocol.Start():
                self._tasks[order.task] = _Task(order, order.shard)
            case protocol.Share(shard=shard) if task is not None:
                task.shard = shard
            case protocol.Hold(held=held) if task is not None:
                task.held = held
            case protocol.Cancel() if task is not None:
                task.cancelled.set()
                if task is not self._current:
                    self._fail(task, Cancelled())
            case protocol.Cancel():
                self._streams.receive(order)
            case _:
                pass  # the task ended while the order was on its way

    def run(self, transcriber: Transcriber, streams: StreamTurns, ready: protocol.Ready) -> Never:
        """Say that it is ready, and work."""
        self._transcriber, self._streams = transcriber, streams
        self.send([ready])
        for turn in itertools.count(1):
            self._wait()
            while self._streams.turn():
                pass
            task = self._take_turn(turn)
            if task is not None:
                self._streams.turn_away()
                over = self._step(task)
                self._end_turn(task, over)
            self._streams.spare_turn()
        raise AssertionError("counting does not end")

    def _wait(self) -> None:
        """Until there is something to do."""
        with self._changed:
            while not self._runnable():
                idle_s = self._streams.idle_s()
                if idle_s == 0:
                    break
                self._streams.turn_away()
                self._changed.wait(idle_s)

    def _take_turn(self, turn: int) -> _Task | None:
        with self._changed:
            self._current = min(self._runnable(), key=lambda task: task.rank, default=None)
            if self._current is not None:
                self._current.turn = turn
            return self._current

    def _end_turn(self, task: _Task, over: bool) -> None:
        with self._changed:
            self._current = None
            if over:
                del self._tasks[task.start.task]

    def _runnable(self) -> list[_Task]:
        return [task for task in self._tasks.values() if task.cancelled.is_set() or not task.held]

    def _is_cancelled(self, task: _Task) -> bool:
        """Asked again and again while a segment is recognised; live streams do not wait for its end."""
        if time.monotonic() - self._served_at > _POLL_S:
            while not task.cancelled.is_set() and self._streams.turn():
                pass
            self._streams.turn_away()
            self._served_at = time.monotonic()
        return task.cancelled.is_set()

    def _step(self, task: _Task) -> bool:
        """One step of one file; whether it was the last. Whatever goes wrong in it ends this file alone."""
        try:
            if task.cancelled.is_set():
                raise Cancelled
            if task.steps is None:
                task.steps = self._steps(task)
            report = next(task.steps, None)
        except DragomanError as error:
            self._fail(task, error)
        except MemoryError:
            log.error("out of memory; the process ends and is replaced")
            os._exit(1)
        except Exception as error:
            # The message of an exception may quote the transcript, so it is not logged.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("task %d failed with %s\n%s", task.start.task, type(error).__name__, where)
            self._fail(task, InternalError("The recogniser failed on this file. The log of the server says where."))
        else:
            if report is not None:
                self.send([_as_message(task.start.task, report)])
                return False
        if task.steps is not None:
            task.steps.close()
        return True

    def _fail(self, task: _Task, error: DragomanError) -> None:
        if not task.answered:
            task.answered = True
            field = error.field if isinstance(error, InvalidRequest) else None
            self.send([protocol.FileFailed(task.start.task, error.code, error.message, field)])

    def _steps(self, task: _Task) -> Generator[FileReport, None, None]:
        done = frozenset(task.start.done)
        return self._transcriber.transcribe(
            Path(task.start.media),
            task.start.request,
            wanted=lambda index: task.shard.has(index) and index not in done,
            whole=task.shard.number == 0,
            cancelled=lambda: self._is_cancelled(task),
        )


def _as_message(task: int, report: FileReport) -> protocol.Report:
    match report:
        case Opened():
            return protocol.FileOpened(task, report)
        case Progress():
            return protocol.FileProgress(task, report)
        case Recognised(index, segment):
            return protocol.SegmentDone(task, index, segment)
        case SpeakersFound():
            return protocol.FileSpeakers(task, report)
        case AudioEventsFound():
            return protocol.FileAudioEvents(task, report)
        case Finished():
            return protocol.FileFinished(task, report)


def _take_orders(orders: io.BufferedReader, worker: Worker) -> None:
    """Until the server closes the stream or dies; then this process ends, in the middle of whatever it does."""
    for together in _orders(orders):
        worker.receive(together)
    os._exit(0)


def _orders(stream: io.BufferedReader) -> Iterator[list[protocol.Order]]:
    """Those that have come, all at once: taking them one by one would disturb the thread that computes each time."""
    chunk = bytearray(_READ)  # a new one for each read would be mapped and unmapped every time
    arrived = bytearray()
    while count := stream.readinto1(chunk):
        arrived += chunk if count == _READ else chunk[:count]
        orders, at = [], 0
        with memoryview(arrived) as view:
            while len(view) >= (body := at + protocol.HEADER.size):
                stop = body + protocol.length(view[at:body])
                if len(view) < stop:
                    break
                orders.append(protocol.decode_order(view[body:stop]))
                at = stop
        del arrived[:at]
        yield orders


def _private_streams() -> tuple[io.BufferedReader, BinaryIO]:
    """The two streams of the protocol. Native libraries that print are left with nothing to print to."""
    orders = os.fdopen(os.dup(0), "rb")
    reports = os.fdopen(os.dup(1), "wb")
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    return orders, reports


def _restrict(settings: Settings) -> None:
    """What a hostile file or a stray signal may not do to the process or to the machine."""
    faulthandler.enable(sys.stderr)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends its workers itself
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(AttributeError):  # not on Windows
        os.nice(_NICE)
    if sys.platform == "linux":
        import resource

        models = [model for profile in settings.profiles.values() for model in (profile.whisper, profile.sherpa)]
        if not any(
            model is not None and model.device == "cuda" for model in models
        ):  # CUDA reserves far more addresses than it uses
            memory = settings.worker_memory_mb * 2**20
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _die_with_parent()


def _die_with_parent() -> None:
    """The end of the orders says the same, unless a native library never lets the thread that reads them run."""
    import ctypes

    set_death_signal = 1  # PR_SET_PDEATHSIG, <linux/prctl.h>
    ctypes.CDLL(None).prctl(set_death_signal, int(signal.SIGKILL))


if __name__ == "__main__":
    main()
