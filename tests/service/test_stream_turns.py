"""Laws of the live streams of one worker, on a clock that stands still unless it is told to move."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.audio.place import Place
from dragoman.core import events
from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import Hypothesis, Samples, Utterance
from dragoman.core.request import AudioEncoding, RecognitionRequest, SpeakerRequest
from dragoman.engines.fake import AllSpeech, EvenAligner, FakeEngine, LoudnessDiarizer, LoudnessStream
from dragoman.service import worker_protocol as protocol
from dragoman.service.endpointing import EndpointingRule
from dragoman.service.recognise import Recogniser
from dragoman.service.stream_turns import StreamTurns
from noise import LOUD, QUIET, RATE

pytestmark = pytest.mark.unit

REQUEST = RecognitionRequest(language="en")
TOLD_APART = RecognitionRequest(language="en", speakers=SpeakerRequest())


class Watched(FakeEngine):
    """Notes what the worker has said it computes for, whenever it computes; fails on what is loud."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def recognise(self, samples: Samples, request: RecognitionRequest, cancelled: Callable[[], bool]) -> Hypothesis:
        self._compute([samples])
        return super().recognise(samples, request, cancelled)

    def draft(self, batch: Sequence[tuple[Utterance, Samples]]) -> list[Hypothesis]:
        self._compute([samples for _, samples in batch])
        return super().draft(batch)

    def _compute(self, batch: Sequence[Samples]) -> None:
        self._server.computed.append(self._server.stepping)
        self._server.now += self._server.cost_s
        for samples in batch:
            if np.frombuffer(samples, np.float32).max(initial=0) > 0.5:
                raise RuntimeError("loud")


class WatchedVoices(LoudnessDiarizer):
    """Notes the same whenever a voice is heard."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def open(self, remembered: bytes = b"") -> LoudnessStream:
        return WatchedVoice(self._server, remembered)


class WatchedVoice(LoudnessStream):
    def __init__(self, server: Server, remembered: bytes) -> None:
        super().__init__(remembered)
        self._server = server

    def hear(self, to_ms: int = 0) -> bool:
        if is_something := super().hear(to_ms):
            self._server.computed.append(self._server.stepping)
            self._server.heard += 1
            self._server.now += self._server.cost_s
        return is_something


class Server:
    """The server's side: sends orders, keeps what is reported."""

    def __init__(self, longest_s: float = 1e6) -> None:
        self.now = 1_000.0
        self.cost_s = 0.0
        """Of every computation."""
        self.stepping: tuple[int, ...] = ()
        self.computed: list[tuple[int, ...]] = []
        self.heard = 0
        """How often voices were."""
        self.events: dict[int, list[events.SpeechEvent]] = {}
        self.voices: dict[int, list[tuple[bytes, ...]]] = {}
        """What was reported of them, where something was."""
        self.failed: dict[int, str] = {}
        self.late_ms = 0
        self.open = 0
        recogniser = Recogniser(Watched(self), EvenAligner(), AllSpeech(), diarizer=WatchedVoices(self))
        self.turns = StreamTurns(
            {"default": recogniser}, EndpointingRule(), longest_s, self._report, clock=lambda: self.now
        )

    def _report(self, reports: Sequence[protocol.Report]) -> None:
        for report in reports:
            match report:
                case protocol.Stepping(tasks):
                    self.stepping = tasks
                case protocol.Streams():
                    self.late_ms, self.open = report.late_ms, report.open
                    self.failed |= {failure.task: failure.code for failure in report.failed}
                    for each in report.reports:
                        if each.voices:
                            self.voices.setdefault(each.task, []).append(each.voices)
                        self.events.setdefault(each.task, []).extend(wrapped.event for wrapped in each.events)

    def begin(self, *tasks: int, suspect: bool = False, request: RecognitionRequest = REQUEST) -> None:
        for task in tasks:
            self.turns.receive(protocol.OpenStream(task, request, RATE, suspect=suspect))

    def say(self, task: int, seconds: float, peak: float = QUIET) -> None:
        rng = np.random.default_rng(task)
        pcm = (peak * 32767 * rng.uniform(-1, 1, round(seconds * RATE))).astype("<i2").tobytes()
        self.turns.receive(protocol.Audio(task, pcm))

    def end(self, task: int) -> None:
        self.turns.receive(protocol.EndStream(task))

    def work(self) -> None:
        """Until there is nothing to do."""
        while self.turns.idle_s() == 0:
            while self.turns.turn():
                pass
            self.turns.turn_away()
            self.turns.spare_turn()
        self.turns.turn_away()

    def is_finished(self, task: int) -> bool:
        return isinstance(self.events.get(task, [None])[-1], events.Finished)


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 4), st.sampled_from(["say", "end", "cancel", "wait"]), st.floats(0.01, 3)),
        max_size=25,
    )
)
def test_whatever_comes_in_whatever_order_every_stream_comes_to_its_end(
    steps: list[tuple[int, str, float]],
) -> None:
    server = Server()
    server.begin(1, 2)
    server.begin(3, 4, request=TOLD_APART)
    cancelled: set[int] = set()
    for task, what, seconds in steps:
        match what:
            case "say":
                server.say(task, seconds)
            case "end":
                server.end(task)
            case "cancel":
                server.turns.receive(protocol.Cancel(task))
                cancelled.add(task)
            case "wait":
                server.now += seconds
                server.work()
    for task in range(1, 5):
        server.end(task)
    server.now += 1
    server.work()
    assert len(server.turns) == 0
    assert not server.failed
    assert all(server.is_finished(task) for task in range(1, 5) if task not in cancelled)
    assert server.turns.idle_s() is None
    assert server.stepping == ()
    assert all(server.computed)


def test_what_is_computed_is_said_before_and_suspects_are_computed_alone() -> None:
    server = Server()
    server.begin(1, 2, 3)
    server.begin(4, suspect=True)
    for _ in range(20):
        for task in range(1, 5):
            server.say(task, 0.2)
        server.now += 0.2
        server.work()
    assert all(server.computed)
    assert any(len(tasks) == 3 for tasks in server.computed)
    assert (4,) in server.computed
    assert all(tasks == (4,) for tasks in server.computed if 4 in tasks)


def test_what_fails_in_a_batch_fails_alone() -> None:
    server = Server()
    server.begin(1, 2, 3)
    for _ in range(30):
        for task in range(1, 4):
            server.say(task, 0.2, LOUD if task == 2 else QUIET)
        server.now += 0.2
        server.work()
    for task in range(1, 4):
        server.end(task)
    server.work()
    assert server.failed == {2: "internal_error"}
    assert server.is_finished(1)
    assert server.is_finished(3)
    assert len(server.turns) == server.open == 0


def test_a_stream_ahead_of_real_time_waits_for_those_that_are_spoken() -> None:
    server = Server()
    server.begin(1, 2)
    server.say(1, 0.1)
    while server.turns.turn():
        pass
    server.say(1, 60)
    server.say(2, 0.2)
    server.now += 0.2
    taken: list[int] = []
    for _ in range(30):
        while server.turns.turn():
            pass
        taken.append(server.turns._streams[1].decoder.position)
        server.say(2, 0.2)
        server.now += 0.2
    # It is looked at no faster than it would have been spoken, a second in advance at most.
    assert all(samples / RATE < 0.2 * number + 2.5 for number, samples in enumerate(taken))
    assert server.late_ms == 0
    server.end(1)
    server.end(2)
    server.work()
    assert server.is_finished(1)
    assert server.is_finished(2)


def test_streams_that_cannot_be_served_in_time_show_as_late() -> None:
    server = Server()
    server.cost_s = 0.5
    server.begin(*range(8))
    said = server.now
    while server.now < 1_015:
        server.now += 0.05
        for task in range(8):
            server.say(task, server.now - said)
        said = server.now
        server.turns.turn()
    assert server.late_ms > 1_000
    for task in range(8):
        server.turns.receive(protocol.Cancel(task))
    server.work()
    assert server.late_ms == 0


def test_a_stream_that_is_too_long_fails_and_a_cancelled_one_is_forgotten() -> None:
    server = Server(longest_s=2)
    server.begin(1, 2)
    server.say(1, 1.9)
    server.say(2, 2.1)
    server.work()
    assert server.failed == {2: "audio_too_long"}
    assert server.open == len(server.turns) == 1
    server.turns.receive(protocol.Cancel(1))
    server.work()
    assert server.open == len(server.turns) == 0


@given(before=st.integers(0, 10**7), first_index=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_stream_taken_over_goes_on_at_its_place(before: int, first_index: int) -> None:
    server = Server()
    reached = protocol.Reached(before, first_index)
    place = Place(2 * before, before)
    server.turns.receive(protocol.OpenStream(7, REQUEST, RATE, channels=(reached,), place=place))
    server.say(7, 2)
    server.end(7)
    server.work()
    first, *_, last = server.events[7]
    assert isinstance(first, events.SpeechStarted)
    assert (first.index, first.start_ms) == (first_index, before * 1000 // RATE)
    assert last == events.Finished((before + 2 * RATE) * 1000 // RATE, "en", "fake")


def test_two_channels_are_two_that_wait_and_one_that_ends() -> None:
    server = Server()
    reached = tuple(protocol.Reached(0, channel) for channel in range(2))
    server.turns.receive(protocol.OpenStream(1, REQUEST, RATE, channels=reached))
    server.begin(2)
    for _ in range(30):
        server.say(1, 0.4)  # of both channels 0.2
        server.say(2, 0.2)
        server.now += 0.2
        server.work()
    server.end(1)
    server.end(2)
    server.work()
    assert len(server.turns) == 0
    assert not server.failed
    heard = server.events[1]
    assert [event for event in heard if isinstance(event, events.Finished)] == heard[-1:]
    assert heard[-1] == events.Finished(6_000, "en", "fake")
    for channel in (0, 1):
        started = [e.index for e in heard if isinstance(e, events.SpeechStarted) and e.channel == channel]
        assert started == list(range(channel, 2 * len(started), 2)) != []
    # Drafts of both are made together, also with those of others.
    assert (1, 2) in server.computed or (2, 1) in server.computed
    assert server.stepping == ()


def test_channels_that_got_further_than_others_are_not_given_what_they_had() -> None:
    server = Server()
    before = RATE, 3 * RATE
    reached = (protocol.Reached(before[0], 4), protocol.Reached(before[1], 9))
    server.turns.receive(protocol.OpenStream(1, REQUEST, RATE, channels=reached, place=Place(4 * RATE, RATE)))
    server.say(1, 8)  # of both channels 4 seconds
    server.end(1)
    server.work()
    first = {}
    for event in server.events[1]:
        if isinstance(event, events.SpeechStarted):
            first.setdefault(event.channel, event)
    assert [(first[channel].index, first[channel].start_ms) for channel in (0, 1)] == [(4, 1_000), (9, 3_000)]
    assert server.events[1][-1] == events.Finished(5_000, "en", "fake")


@pytest.mark.parametrize("seconds", [0.05, 0.5, 30])
def test_audio_that_cannot_be_decoded_fails_alone(seconds: float) -> None:
    server = Server()
    server.turns.receive(protocol.OpenStream(1, REQUEST, RATE, encoding=AudioEncoding.FLAC))
    server.begin(2)
    server.say(1, seconds)
    server.say(2, 3)
    server.now += 3
    server.work()
    assert server.failed == {1: "undecodable_audio"}
    server.end(2)
    server.work()
    assert server.is_finished(2)


def finals(server: Server, task: int) -> list[events.Final]:
    return [event for event in server.events.get(task, []) if isinstance(event, events.Final)]


def speakers(server: Server, task: int) -> list[set[int | None]]:
    return [{word.speaker for word in event.segment.words} for event in finals(server, task)]


@pytest.mark.parametrize("faster", [1, 20])
def test_speakers_are_told_however_fast_the_audio_comes(faster: int) -> None:
    server = Server()
    server.begin(1, request=TOLD_APART)
    for second in range(20):
        server.say(1, 1.0, 0.1 if second < 10 else 0.45)
        server.now += 1 / faster
        while server.turns.turn():
            pass
    server.end(1)
    server.work()
    assert server.is_finished(1)
    words = [word for event in finals(server, 1) for word in event.segment.words]
    assert all(word.speaker == (word.start_ms + word.end_ms > 20_000) for word in words)
    assert words[-1].end_ms > 19_000
    assert server.stepping == ()


def test_a_final_waits_for_its_speakers_no_longer_than_a_second() -> None:
    """There is never a moment without something that goes before: the voices are not heard at all."""
    server = Server()
    server.cost_s = 0.1
    server.begin(1, request=TOLD_APART)
    server.begin(*range(2, 22))
    for task in range(1, 22):
        server.say(task, 30.0)
    server.now += 31
    known_at = 0.0
    while not finals(server, 1):
        server.turns.turn()
        if server.turns._untold:
            known_at = known_at or server.now
    assert server.heard == 0
    assert 0.9 < server.now - known_at < 1.3
    assert speakers(server, 1) == [{None}]


def test_speakers_of_two_channels_have_numbers_of_their_own_and_are_remembered_when_they_are_new() -> None:
    reached = tuple(protocol.Reached(0, channel) for channel in range(2))
    pcm = np.random.default_rng(1).uniform(-3_000, 3_000, (12 * RATE, 2)).astype("<i2").tobytes()
    told: list[list[set[int | None]]] = []
    voices: tuple[bytes, ...] = ()
    for task in (1, 2):
        server = Server()
        server.turns.receive(protocol.OpenStream(task, TOLD_APART, RATE, channels=reached, voices=voices))
        server.turns.receive(protocol.Audio(task, pcm))
        server.end(task)
        server.now += 13
        server.work()
        assert server.is_finished(task)
        for event in finals(server, task):
            assert {word.speaker for word in event.segment.words} == {event.segment.channel}
        told.append(speakers(server, task))
        (*_, voices) = server.voices.get(task, [voices])
        assert len(server.voices.get(task, [])) <= 2 * len(voices) == 4
    assert told[0] == told[1]


def test_finals_of_others_go_before_voices() -> None:
    server = Server()
    server.begin(1, request=TOLD_APART)
    server.begin(2)
    server.say(1, 30.0)
    server.say(2, 5.2)
    server.now += 31
    while not finals(server, 2):
        server.turns.turn()
    assert server.heard == 0


def test_a_diarizer_that_fails_ends_its_stream_alone() -> None:
    server = Server()

    class Broken(LoudnessDiarizer):
        def load(self) -> None:
            raise EngineNotReady("there are no models")

    recogniser = Recogniser(Watched(server), EvenAligner(), AllSpeech(), diarizer=Broken())
    server.turns = StreamTurns({"default": recogniser}, EndpointingRule(), 1e6, server._report, lambda: server.now)
    server.begin(1, request=TOLD_APART)
    server.begin(2)
    for task in (1, 2):
        server.say(task, 6.0)
        server.end(task)
    server.now += 7
    server.work()
    assert server.failed == {1: "engine_not_ready"}
    assert server.is_finished(2)
    assert len(server.turns) == 0
    assert server.turns.idle_s() is None
