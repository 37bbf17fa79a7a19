"""The live streams of one worker: audio in as it arrives, what is due computed, what was said out.

``receive`` is for the thread that takes the orders; everything else is for the one that computes. Nothing here waits.
Whatever goes wrong in a stream ends that stream alone.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, ParamSpec

from dragoman.core.errors import AudioTooLong, Cancelled, DragomanError, InternalError, InvalidRequest
from dragoman.core.ports import Engine, Hypothesis
from dragoman.service import worker_protocol as protocol
from dragoman.service.endpointing import EndpointingRule
from dragoman.service.recognise import Recogniser
from dragoman.service.scheduler import Scheduler, Waiting, is_early
from dragoman.service.session import Kind
from dragoman.service.worker_stream import Lane, WorkerStream, open_worker_stream

log = logging.getLogger("dragoman.worker")

P = ParamSpec("P")

StreamOrder = protocol.OpenStream | protocol.Audio | protocol.EndStream | protocol.Cancel

_PIECE_S: Final = 0.1
"""Voice activity over less audio costs nearly as much; less is looked at only when nothing else is to do."""
_LONGEST_PIECE_S: Final = 1.0
"""Looked at between two looks at the clock."""
_REPORT_EVERY_S: Final = 0.5
"""Of streams in which nothing happened. Events are reported at once."""
_FRESH_DRAFTS: Final = 3
"""Of an utterance that has only begun."""
_SPEAKERS_WITHIN_S: Final = 1.0
"""So long a final waits for its speakers; then they are who is known by then."""


class StreamTurns:
    """Streams that take turns. ``send`` takes several reports at once."""

    def __init__(
        self,
        recognisers: Mapping[str, Recogniser],
        rule: EndpointingRule,
        longest_s: float,
        send: Callable[[Sequence[protocol.Report]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recognisers = recognisers
        self._rule = rule
        self._longest_s = longest_s
        self._send = send
        self._clock = clock
        self._orders: deque[tuple[float, StreamOrder]] = deque()
        self._cancelled: set[int] = set()
        """Streams whose cancellation is among the orders."""
        self._streams: dict[int, WorkerStream] = {}
        self._lanes: dict[int, Lane] = {}
        """Those of all streams, by key."""
        self._unfed: dict[int, WorkerStream] = {}
        """Those with audio, or an end of it, that the session does not have yet."""
        self._waiting: dict[int, Waiting] = {}
        """What lanes need, by key; what of their voices is to be heard, by its complement."""
        self._untold: dict[int, float] = {}
        """Since when finals wait for their speakers, by the key of the lane."""
        self._scheduler = Scheduler()
        self._happened: dict[int, WorkerStream] = {}
        """Those that have something to report."""
        self._touched: dict[int, WorkerStream] = {}
        """Those in which nothing happened but that audio was looked at."""
        self._report_at: float | None = None
        """When those are reported as well."""
        self._failed: list[protocol.StreamFailed] = []
        self._closed = False
        """Streams were closed since the last report."""
        self._stepping: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self._streams)

    def receive(self, order: StreamOrder) -> None:
        """An order as it arrives."""
        if isinstance(order, protocol.Cancel):
            self._cancelled.add(order.task)
        self._orders.append((self._clock(), order))

    def turn(self) -> bool:
        """Do what is due: look at all audio, then one batch of the rest. Whether anything was."""
        self._take_orders()
        now = self._clock()
        told = self._tell_late(now)
        fed = self._feed([stream for stream in self._unfed.values() if self._is_due(stream, now)])
        now = self._clock()
        chosen = self._scheduler.choose(self._waiting.values(), now)
        if not chosen and not any(self._is_due(stream, now) for stream in self._unfed.values()):
            chosen = self._scheduler.choose_voices(self._waiting.values(), now)
        self._compute(chosen)
        self._report()
        return told or fed or bool(chosen)

    def spare_turn(self) -> None:
        """Do a little of what is not due yet."""
        able = [stream for stream in self._unfed.values() if not self._has_final(stream) and not self._listens(stream)]
        small = [stream for stream in able if stream.unfed_s < _PIECE_S]
        self._feed(small or sorted(able, key=lambda stream: stream.fed_to)[:1])
        self._compute(self._scheduler.choose_spare(self._waiting.values(), self._clock()))
        self._report()

    def turn_away(self) -> None:
        """What is computed next has nothing to do with streams."""
        if self._stepping:
            self._stepping = ()
            self._send([protocol.Stepping(())])

    def idle_s(self) -> float | None:
        """How long there is nothing to do, if nothing arrives; ``None``: for ever."""
        if self._orders or any(not self._has_final(stream) for stream in self._unfed.values()):
            return 0.0
        now = self._clock()
        times = (self._scheduler.next_at(self._waiting.values(), now), self._report_at)
        at = min((time for time in times if time is not None), default=None)
        return None if at is None else max(0.0, at - now)

    def _take_orders(self) -> None:
        while self._orders:
            arrived_at, order = self._orders.popleft()
            stream = self._streams.get(order.task)
            if isinstance(order, protocol.Cancel):
                self._cancelled.discard(order.task)
                self._closed |= stream is not None
                self._forget(order.task)
                continue
            if isinstance(order, protocol.OpenStream):
                self._guarded(order.task, self._open, order)
            elif stream is not None:
                self._guarded(order.task, self._take, stream, order, arrived_at)

    def _open(self, order: protocol.OpenStream) -> None:
        stream = open_worker_stream(order, self._recognisers[order.request.profile], self._rule)
        self._streams[order.task] = stream
        self._lanes |= {lane.key: lane for lane in stream.lanes}

    def _take(self, stream: WorkerStream, order: protocol.Audio | protocol.EndStream, arrived_at: float) -> None:
        if isinstance(order, protocol.EndStream):
            stream.ending = True
        else:
            stream.arrive(order.data, arrived_at)
        self._unfed[order.task] = stream
        for lane in stream.lanes:
            if lane.key in self._waiting:
                self._look_at_lane(lane)

    # What is computed

    def _is_due(self, stream: WorkerStream, now: float) -> bool:
        """Whether its audio is to be looked at now."""
        if self._has_final(stream):
            return False  # what comes after is looked at when the final is done
        if stream.ending and not stream.has_arrived:
            return True
        enough = stream.unfed_s >= _PIECE_S or stream.ending
        return enough and not is_early(stream.fed_to, now)

    def _has_final(self, stream: WorkerStream) -> bool:
        """A final is to be made, or its speakers are to be found."""
        if self._untold and any(lane.key in self._untold for lane in stream.lanes):
            return True
        waiting = (self._waiting.get(lane.key) for lane in stream.lanes)
        return any(each is not None and each.kind is Kind.FINAL for each in waiting)

    def _listens(self, stream: WorkerStream) -> bool:
        """There are voices to be heard."""
        return any(~lane.key in self._waiting for lane in stream.lanes)

    def _feed(self, streams: list[WorkerStream]) -> bool:
        """Look at the audio of these streams, up to a second of each."""
        trusted = [stream for stream in streams if not stream.is_suspect]
        for group in (trusted, *([stream] for stream in streams if stream.is_suspect)):
            self._step(group)
            for stream in group:
                self._guarded(stream.order.task, self._feed_one, stream)
        return bool(streams)

    def _feed_one(self, stream: WorkerStream) -> None:
        stream.feed(_LONGEST_PIECE_S)
        if stream.fed_s > self._longest_s:
            raise AudioTooLong(f"A stream may last {self._longest_s:g} seconds; this one is longer.")
        if not stream.has_arrived:
            del self._unfed[stream.order.task]
        self._touch(stream)
        self._look_at_work(stream)

    def _tell_late(self, now: float) -> bool:
        """Finals do not wait any longer for speakers that there was no time to find."""
        late = [
            key for key, since in self._untold.items() if now > max(since, self._waiting[~key].due) + _SPEAKERS_WITHIN_S
        ]
        for lane in [self._lanes[key] for key in late]:
            if lane.key in self._lanes:  # else what went wrong in the other channel has ended the stream
                self._step([lane.stream])
                self._guarded(lane.stream.order.task, lane.session.tell_speakers)
                self._look_again([lane])
        return bool(late)

    def _compute(self, chosen: Sequence[int]) -> None:
        if not chosen:
            return
        lanes = [self._lanes[key if key >= 0 else ~key] for key in chosen]
        self._step([lane.stream for lane in lanes])
        match self._waiting[chosen[0]].kind:
            case Kind.PARTIAL:
                self._draft(lanes)
            case Kind.FINAL | Kind.AHEAD:
                self._recognise(lanes[0])
            case Kind.SPEAKERS | Kind.VOICES:
                self._guarded(lanes[0].stream.order.task, lanes[0].session.hear)
        self._look_again(lanes)

    def _look_again(self, lanes: Iterable[Lane]) -> None:
        """After something was computed for them."""
        for lane in lanes:
            if lane.key in self._lanes:
                self._touch(lane.stream)
                self._look_at_lane(lane)

    def _draft(self, lanes: list[Lane]) -> None:
        began = self._clock()
        engine = lanes[0].session.engine
        hypotheses: list[Hypothesis] = []
        if len(lanes) > 1:
            with suppress(Exception):  # whose doing it is shows one by one
                hypotheses = engine.draft([lane.session.utterance() for lane in lanes])
        for number, lane in enumerate(lanes):
            if lane.key in self._lanes:
                hypothesis = hypotheses[number] if hypotheses else None
                self._guarded(lane.stream.order.task, self._draft_one, lane, engine, hypothesis)
        now = self._clock()
        heard_to = {lane.key: lane.stream.fed_to for lane in lanes if lane.key in self._lanes}
        self._scheduler.drafted(heard_to, now, now - began)

    def _draft_one(self, lane: Lane, engine: Engine, hypothesis: Hypothesis | None) -> None:
        session = lane.session
        session.drafted(engine.draft([session.utterance()])[0] if hypothesis is None else hypothesis)
        lane.drafts += 1

    def _recognise(self, lane: Lane) -> None:
        task = lane.stream.order.task
        self._guarded(task, lane.session.recognise, lambda: task in self._cancelled)

    def _guarded(self, task: int, do: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """What goes wrong in it ends the stream; a process without memory ends as a whole."""
        try:
            do(*args, **kwargs)
        except MemoryError:
            raise
        except Cancelled:
            pass  # the order is on its way
        except DragomanError as error:
            self._fail(task, error)
        except Exception as error:
            # The message of an exception may quote the transcript, so it is not logged.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("stream %d failed with %s\n%s", task, type(error).__name__, where)
            self._fail(task, InternalError("The recogniser failed on this stream. The log of the server says where."))

    def _look_at_work(self, stream: WorkerStream) -> None:
        for lane in stream.lanes:
            self._look_at_lane(lane)

    def _look_at_lane(self, lane: Lane) -> None:
        key, stream = lane.key, lane.stream
        self._look_at_voices(lane)
        work = lane.session.work()
        behind = work is not None and work.kind is not Kind.FINAL and stream.unfed_s > _PIECE_S
        if work is None or behind:
            self._waiting.pop(key, None)
            return
        due, engine = stream.spoken_at(work.due / 1000), lane.session.engine
        fresh = lane.drafts < _FRESH_DRAFTS
        self._waiting[key] = Waiting(
            *(key, work.kind, due, stream.fed_to, engine), alone=stream.is_suspect, fresh=fresh
        )

    def _look_at_voices(self, lane: Lane) -> None:
        key, stream = lane.key, lane.stream
        work = lane.session.listening()
        if work is not None and work.kind is Kind.SPEAKERS:
            self._untold.setdefault(key, self._clock())
        else:
            self._untold.pop(key, None)
        if work is None:
            self._waiting.pop(~key, None)
        else:
            self._waiting[~key] = Waiting(~key, work.kind, stream.spoken_at(work.due / 1000))

    # What is reported

    def _step(self, streams: list[WorkerStream]) -> None:
        """Say whose doing it is if the process dies now."""
        tasks = tuple(dict.fromkeys(stream.order.task for stream in streams))
        if tasks and tasks != self._stepping:
            self._stepping = tasks
            self._send([protocol.Stepping(tasks)])

    def _touch(self, stream: WorkerStream) -> None:
        (self._happened if stream.has_news else self._touched)[stream.order.task] = stream

    def _report(self) -> None:
        now = self._clock()
        telling = self._happened
        if self._report_at is not None and now >= self._report_at:
            telling = self._touched | telling
            self._report_at = None
        reports: list[protocol.StreamReport] = []
        for task, stream in list(telling.items()):
            self._touched.pop(task, None)
            self._guarded(task, self._add_report, stream, reports)
        self._happened.clear()
        if not self._touched:
            self._report_at = None
        elif self._report_at is None:
            self._report_at = now + _REPORT_EVERY_S
        if reports or self._failed or self._closed:
            failed = tuple(self._failed)
            self._failed.clear()
            self._closed = False
            self._send([protocol.Streams(tuple(reports), failed, len(self._streams), self._late_ms())])

    def _add_report(self, stream: WorkerStream, reports: list[protocol.StreamReport]) -> None:
        report = stream.report()
        if report.events and isinstance(report.events[-1], protocol.StreamFinished):
            self._forget(stream.order.task)
        reports.append(report)

    def _late_ms(self) -> int:
        """How long what is due, or what is not looked at yet, has been waiting, at most."""
        now = self._clock()
        since = [each.due for each in self._waiting.values() if each.kind is Kind.FINAL]
        since += [stream.fed_to + _PIECE_S for stream in self._unfed.values()]
        return round(max(0.0, now - min(since, default=now)) * 1000)

    def _fail(self, task: int, error: DragomanError) -> None:
        field = error.field if isinstance(error, InvalidRequest) else None
        self._failed.append(protocol.StreamFailed(task, error.code, error.message, field))
        self._forget(task)

    def _forget(self, task: int) -> None:
        self._unfed.pop(task, None)
        self._happened.pop(task, None)
        self._touched.pop(task, None)
        stream = self._streams.pop(task, None)
        if stream is None:
            return
        for lane in stream.lanes:
            del self._lanes[lane.key]
            self._waiting.pop(lane.key, None)
            self._waiting.pop(~lane.key, None)
            self._untold.pop(lane.key, None)
            self._scheduler.forget(lane.key)
        stream.lanes.clear()  # so that nothing of it waits for the garbage collector
