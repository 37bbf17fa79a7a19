"""Laws of a live session, over made-up sound with the fake engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import mode

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.errors import Cancelled
from dragoman.core.events import Final, Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.request import (
    DictionaryWord,
    LanguageChoice,
    LanguageOption,
    RecognitionRequest,
    SpeakerRequest,
    TimeDetail,
    Vocabulary,
)
from dragoman.core.transcript import Segment
from dragoman.engines.fake import (
    EvenAligner,
    FakeEngine,
    LoudnessDiarizer,
    LoudnessIdentifier,
    Mishap,
    Script,
    SpellingMatcher,
)
from dragoman.service.endpointing import EndpointingRule
from dragoman.service.recognise import Recogniser, VadStream
from dragoman.service.session import Kind, LiveSession

pytestmark = pytest.mark.unit

RULE = EndpointingRule(trailing_silence_ms=500, longest_ms=4_000)
RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000])

Stretch = tuple[int, bool]
"""Milliseconds, and whether there is sound."""


class Loudness:
    """Voice activity that takes what is loud for speech."""

    def load(self) -> None:
        """There is nothing to load."""

    def open(self) -> VadStream:
        return LoudnessStream()


class LoudnessStream:
    def feed(self, samples: np.ndarray) -> np.ndarray:
        return (np.abs(samples.reshape(-1, 512)).mean(axis=1) > 0.02).astype(np.float32)


def recogniser(script: Script | None = None) -> Recogniser:
    return Recogniser(FakeEngine(script), EvenAligner(), Loudness(), SpellingMatcher())


def sound(stretches: Iterable[Stretch], rate: int = 16_000, seed: int = 0) -> bytes:
    """Samples of noise and of silence."""
    rng = np.random.default_rng(seed)
    parts = [rng.uniform(-0.3, 0.3, ms * rate // 1000) * loud for ms, loud in stretches]
    return (np.concatenate([np.zeros(0), *parts]) * 32767).astype("<i2").tobytes()


def stretches() -> st.SearchStrategy[list[Stretch]]:
    return st.lists(st.tuples(st.integers(10, 3_000), st.booleans()), max_size=8)


@dataclass
class Listener:
    """Runs a session as a worker would, one that does all that is due, or only what must be done."""

    session: LiveSession
    engine: FakeEngine = field(default_factory=FakeEngine)
    kinds: Sequence[Kind] = tuple(Kind)
    events: list[SpeechEvent] = field(default_factory=list)
    done: list[Kind] = field(default_factory=list)

    def step(self) -> None:
        while (work := self.session.work()) is not None and work.kind in self.kinds:
            self.done.append(work.kind)
            if work.kind is Kind.PARTIAL:
                self.session.drafted(self.engine.draft([self.session.utterance()])[0])
            else:
                self.session.recognise(lambda: False)
        self.events += self.session.take_events()

    def hear(self, pcm: bytes, sizes: Sequence[int] = (1_600,)) -> None:
        at = 0
        for size in itertools.cycle(sizes):
            if at >= len(pcm):
                break
            self.session.feed(pcm[at : at + 2 * size])
            self.step()
            at += 2 * size

    def finish(self) -> list[SpeechEvent]:
        self.session.finish()
        self.step()
        return self.events


def listen(
    pcm: bytes,
    rate: int = 16_000,
    sizes: Sequence[int] = (1_600,),
    kinds: Sequence[Kind] = tuple(Kind),
    request: RecognitionRequest | None = None,
    script: Script | None = None,
) -> list[SpeechEvent]:
    session = LiveSession(recogniser(script), request or RecognitionRequest(), RULE, rate)
    listener = Listener(session, FakeEngine(script), kinds)
    listener.hear(pcm, sizes)
    return listener.finish()


def finals(events: Iterable[SpeechEvent]) -> list[Segment]:
    return [event.segment for event in events if isinstance(event, Final)]


def partials(events: Iterable[SpeechEvent]) -> list[Partial]:
    return [event for event in events if isinstance(event, Partial)]


@settings(max_examples=60, deadline=None)
@given(stretches(), RATES, st.lists(st.integers(40, 9_000), min_size=1, max_size=4))
def test_segments_come_one_after_the_other_and_the_end_last(parts: list[Stretch], rate: int, sizes: list[int]) -> None:
    pcm = sound(parts, rate)
    *events, last = listen(pcm, rate, sizes)
    assert last == Finished(len(pcm) // 2 * 1000 // rate, "en", "fake")
    index, edges, is_open, is_final = 0, [0], False, False
    for event in events:
        match event:
            case SpeechStarted():
                assert not is_open
                assert event.index == index
                edges.append(event.start_ms)
                is_open = True
            case Partial():
                assert is_open
                assert not is_final
                assert event.segment.index == index
                assert edges[-1] <= event.segment.start_ms <= event.segment.end_ms <= last.duration_ms
            case Final():
                assert is_open
                assert not is_final
                assert event.segment.index == index
                assert event.segment.text == " ".join(word.text for word in event.segment.words)
                edges += [edge for word in event.segment.words for edge in (word.start_ms, word.end_ms)]
                is_final = True
            case SpeechEnded():
                assert is_open
                assert event.index == index
                edges.append(event.end_ms)
                index, is_open, is_final = index + 1, False, False
            case Finished():
                raise AssertionError
    assert not is_open
    edges.append(last.duration_ms)
    assert edges == sorted(edges)


@settings(max_examples=40, deadline=None)
@given(
    stretches(),
    RATES,
    st.lists(st.integers(40, 9_000), min_size=1, max_size=4),
    st.sampled_from([(Kind.FINAL,), (Kind.FINAL, Kind.AHEAD), tuple(Kind)]),
)
def test_what_is_final_depends_neither_on_the_pieces_nor_on_when_it_was_computed(
    parts: list[Stretch], rate: int, sizes: list[int], kinds: tuple[Kind, ...]
) -> None:
    pcm = sound(parts, rate)
    assert finals(listen(pcm, rate, sizes, kinds)) == finals(listen(pcm, rate, [max(1, len(pcm))], (Kind.FINAL,)))


@settings(max_examples=60, deadline=None)
@given(stretches(), RATES)
def test_all_sound_is_in_a_segment_and_no_segment_is_too_long(parts: list[Stretch], rate: int) -> None:
    events = listen(sound(parts, rate), rate)
    starts = [event.start_ms for event in events if isinstance(event, SpeechStarted)]
    ends = [event.end_ms for event in events if isinstance(event, SpeechEnded)]
    assert all(end - start <= RULE.longest_ms for start, end in zip(starts, ends, strict=True))
    at = 0
    for ms, loud in parts:
        if loud and ms >= 160:  # less may be a click
            # The edges of a stretch are inside frames that are not all sound.
            for here in range(at + 40, at + ms - 40, 50):
                assert any(start <= here <= end for start, end in zip(starts, ends, strict=True))
        at += ms


@settings(max_examples=20, deadline=None)
@given(stretches(), st.integers(0, 1))
def test_channels_share_the_indices_out(parts: list[Stretch], channel: int) -> None:
    pcm = sound(parts, 16_000)
    alone = listen(pcm, 16_000)
    lane = Listener(
        LiveSession(
            recogniser(), RecognitionRequest(), RULE, 16_000, first_index=channel, channel=channel, index_step=2
        )
    )
    lane.hear(pcm)
    found = [(s.index, s.channel, s.text, s.start_ms) for s in finals(lane.finish())]
    assert found == [(2 * s.index + channel, channel, s.text, s.start_ms) for s in finals(alone)]


@settings(max_examples=80, deadline=None)
@given(stretches(), RATES | st.just(16_000), st.data())
def test_a_session_that_takes_the_place_of_a_lost_one_loses_and_repeats_nothing(
    parts: list[Stretch], rate: int, data: st.DataObject
) -> None:
    pcm = sound(parts, rate)
    lost_at = 2 * data.draw(st.integers(0, len(pcm) // 2))
    last_taken = data.draw(st.booleans())
    lost = Listener(LiveSession(recogniser(), RecognitionRequest(), RULE, rate))
    lost.hear(pcm[:lost_at])
    if not last_taken:  # it dies with events that nobody has seen
        lost.session.feed(pcm[lost_at : lost_at + 20_000])
        if (work := lost.session.work()) is not None and work.kind is not Kind.PARTIAL:
            lost.session.recognise(lambda: False)
    settled, next_index = lost.session.settled, lost.session.next_index
    again = Listener(LiveSession(recogniser(), RecognitionRequest(), RULE, rate, start=settled, first_index=next_index))
    again.hear(pcm[2 * settled :])
    found = finals(lost.events) + finals(again.finish())
    closed = [event for event in lost.events + again.events if isinstance(event, SpeechEnded)]
    assert [event.index for event in closed] == list(range(len(closed)))
    edges = [edge for segment in found for word in segment.words for edge in (word.start_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert again.events[-1] == Finished(len(pcm) // 2 * 1000 // rate, "en", "fake")
    in_a_segment = any(isinstance(event, SpeechStarted) and event.index == next_index for event in lost.events)
    if last_taken and not in_a_segment and rate == 16_000:
        # At other rates the sound at the very place is interpolated anew, from one side.
        whole = finals(listen(pcm, rate))
        assert [(s.index, s.text) for s in found] == [(s.index, s.text) for s in whole]


@settings(max_examples=40, deadline=None)
@given(stretches(), RATES, st.sampled_from([(Kind.FINAL,), tuple(Kind)]))
def test_what_is_settled_is_never_needed_again_and_all_is_settled_at_the_end(
    parts: list[Stretch], rate: int, kinds: tuple[Kind, ...]
) -> None:
    pcm = sound(parts, rate)
    listener = Listener(LiveSession(recogniser(), RecognitionRequest(), RULE, rate), kinds=kinds)
    settled = 0
    for at in range(0, len(pcm), 3_000):
        listener.session.feed(pcm[at : at + 3_000])
        before = len(listener.events)
        assert listener.session.settled == settled
        listener.step()
        assert settled <= listener.session.settled <= listener.session.taken == min(len(pcm), at + 3_000) // 2
        for event in listener.events[before:]:
            if isinstance(event, SpeechStarted):
                assert event.start_ms >= settled * 1000 // rate
        settled = listener.session.settled
        # An utterance, what comes before it and what ends it.
        assert listener.session.taken - settled <= (RULE.longest_ms + 1_000) * rate // 1000
    listener.finish()
    assert listener.session.settled == listener.session.taken


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_in_silence_everything_but_the_last_half_second_is_settled(rate: int) -> None:
    listener = Listener(LiveSession(recogniser(), RecognitionRequest(), RULE, rate))
    listener.hear(sound([(1_000, True), (30_000, False)], rate))
    assert listener.session.taken - listener.session.settled <= rate // 2
    assert listener.session.next_index == 1


@pytest.mark.parametrize("loud", [True, False])
def test_memory_does_not_grow_with_the_audio(loud: bool) -> None:
    listener = Listener(LiveSession(recogniser(), RecognitionRequest(), RULE, 16_000), kinds=(Kind.FINAL,))
    for seed in range(60):
        listener.hear(sound([(2_000, loud)], seed=seed))
        assert listener.session.held_samples <= (RULE.longest_ms + 1_000) * 16
    assert bool(listener.events) == loud


def test_a_final_computed_ahead_comes_out_as_soon_as_the_pause_has_lasted() -> None:
    listener = Listener(LiveSession(recogniser(), RecognitionRequest(), RULE, 16_000))
    listener.hear(sound([(500, False), (1_500, True), (400, False)]))
    assert listener.done[-1] is Kind.AHEAD
    assert not finals(listener.events)
    assert listener.session.work() is None
    settled = listener.session.settled
    listener.session.feed(sound([(150, False)]))
    assert listener.session.work() is None
    assert listener.session.settled == settled
    events = listener.session.take_events()
    assert [type(event) for event in events] == [Final, SpeechEnded]
    assert listener.session.settled > settled
    assert listener.session.next_index == 1


def test_a_final_computed_ahead_is_thrown_away_when_speech_goes_on() -> None:
    parts = [(500, True), (400, False), (500, True), (1_000, False)]
    listener = Listener(LiveSession(recogniser(), RecognitionRequest(), RULE, 16_000))
    listener.hear(sound(parts))
    assert listener.done.count(Kind.AHEAD) == 2
    (final,) = finals(listener.events)
    assert final.end_ms >= 1_400


def test_an_end_that_was_not_computed_ahead_is_due_when_the_pause_has_lasted() -> None:
    session = LiveSession(recogniser(), RecognitionRequest(), RULE, 16_000)
    session.feed(sound([(480, False), (800, True), (3_000, False)]))
    work = session.work()
    assert work is not None
    assert work.kind is Kind.FINAL
    assert 1_280 + 450 <= work.due <= 1_280 + 550


@settings(max_examples=30, deadline=None)
@given(stretches(), st.sampled_from(list(TimeDetail)))
def test_partials_grow_by_300_ms_and_begin_with_the_stable_words_before(
    parts: list[Stretch], detail: TimeDetail
) -> None:
    session = LiveSession(recogniser(), RecognitionRequest(time_detail=detail), RULE, 16_000)
    listener = Listener(session)
    pcm = sound(parts)
    drafted: dict[int, int] = {}
    stable: dict[int, tuple[str, ...]] = {}
    for at in range(0, len(pcm), 320):
        session.feed(pcm[at : at + 320])
        listener.done.clear()
        before = len(listener.events)
        listener.step()
        assert listener.done.count(Kind.PARTIAL) <= 1
        for partial in partials(listener.events[before:]):
            index, words = partial.segment.index, tuple(partial.segment.text.split())
            assert session.taken - drafted.get(index, -10_000) >= 4_800
            assert words[: len(stable.get(index, ()))] == stable.get(index, ())
            assert partial.stable_words >= len(stable.get(index, ()))
            drafted[index], stable[index] = session.taken, words[: partial.stable_words]


@settings(max_examples=20, deadline=None)
@given(stretches(), st.lists(st.integers(160, 8_000), min_size=1, max_size=4))
def test_what_is_shown_is_told_when_it_is_news_and_else_every_600_ms(parts: list[Stretch], sizes: list[int]) -> None:
    session = LiveSession(recogniser(Script(confidence=0.99)), RecognitionRequest(), RULE, 16_000)
    listener = Listener(session, FakeEngine(Script(confidence=0.99)))
    pcm = sound(parts)
    told: dict[int, tuple[str, int, int]] = {}
    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(pcm):
            break
        session.feed(pcm[at : at + 2 * size])
        at += 2 * size
        before = len(listener.events)
        listener.step()
        for partial in partials(listener.events[before:]):
            text, stable, taken = told.get(partial.segment.index, ("", 0, -10_000))
            is_news = (partial.segment.text, partial.stable_words) != (text, stable)
            assert is_news or session.taken - taken >= 9_600 - 512
            told[partial.segment.index] = (partial.segment.text, partial.stable_words, session.taken)


def test_an_utterance_is_drafted_first_when_it_has_gone_on_for_half_a_second() -> None:
    session = LiveSession(recogniser(), RecognitionRequest(), RULE, 16_000)
    due = []
    for _ in range(200):
        session.feed(sound([(10, True)]))
        if (work := session.work()) is not None:
            due.append(work.due)
            session.drafted(FakeEngine().draft([session.utterance()])[0])
    first, *rest = due
    assert 450 <= first <= 750
    assert all(300 <= later - earlier < 350 for earlier, later in itertools.pairwise(due))
    assert rest


def test_the_times_of_stable_words_stay() -> None:
    request = RecognitionRequest(time_detail=TimeDetail.CHARACTER)
    sure = Script(confidence=0.99)
    shown = partials(listen(sound([(3_500, True), (1_000, False)]), request=request, script=sure))
    assert shown[-1].stable_words > 0
    for before, after in itertools.pairwise(shown):
        kept = before.stable_words
        assert after.segment.words[:kept] == before.segment.words[:kept]
    for partial in shown:
        edges = [edge for word in partial.segment.words for c in word.characters for edge in (c.start_ms, c.end_ms)]
        assert edges == sorted(edges)
        assert "".join(c.text for word in partial.segment.words for c in word.characters) == "".join(
            partial.segment.text.split()
        )


def test_where_nothing_was_said_the_segment_closes_without_a_final() -> None:
    mute = Script(texts=("",))
    events = listen(sound([(1_000, True), (1_000, False), (1_000, True)]), script=mute)
    assert [type(event) for event in events] == [SpeechStarted, SpeechEnded, SpeechStarted, SpeechEnded, Finished]
    assert [event.index for event in events if isinstance(event, SpeechEnded)] == [0, 1]


def test_a_stream_without_audio_is_finished_at_once() -> None:
    assert listen(b"") == [Finished(0, "en", "fake")]


def test_feeding_never_runs_the_engine() -> None:
    broken = Script(mishaps=(Mishap(above=0.0, kind="error"),))
    session = LiveSession(recogniser(broken), RecognitionRequest(), RULE, 16_000)
    session.feed(sound([(9_000, True), (1_000, False)]))
    session.finish()
    assert [type(event) for event in session.take_events()] == [SpeechStarted]


def test_what_was_cancelled_is_still_due() -> None:
    session = LiveSession(recogniser(), RecognitionRequest(), RULE, 16_000)
    session.feed(sound([(1_000, True), (1_000, False)]))
    due = session.work()
    with pytest.raises(Cancelled):
        session.recognise(lambda: True)
    assert session.work() == due


@pytest.mark.parametrize("detail", list(TimeDetail))
def test_words_of_the_dictionary_are_put_into_finals(detail: TimeDetail) -> None:
    known = Vocabulary(words=(DictionaryWord("giffney", sounds_like=("gif",), display="Giffney"),))
    request = RecognitionRequest(language="en", time_detail=detail, vocabulary=known)
    (final,) = finals(listen(sound([(1_500, True)]), request=request, script=Script(texts=("a gif now",))))
    assert final.text == "a Giffney now"
    assert bool(final.words) == (detail is not TimeDetail.SEGMENT)


@settings(max_examples=20, deadline=None)
@given(RATES, st.integers(100, 3_000), st.integers(0, 500_000))
def test_times_are_those_of_the_submitted_audio_at_any_rate(rate: int, silence_ms: int, start: int) -> None:
    session = LiveSession(recogniser(), RecognitionRequest(), RULE, rate, start=start)
    listener = Listener(session)
    listener.hear(sound([(silence_ms, False), (1_000, True), (1_000, False)], rate))
    ended = [event for event in listener.events if isinstance(event, SpeechEnded)]
    after: Callable[[int], float] = lambda ms: start * 1000 / rate + silence_ms + 1_000 + ms  # noqa: E731
    assert len(ended) == 1
    assert after(200 - 2 * 32) <= ended[0].end_ms <= after(200 + 2 * 32)


def test_the_language_of_each_channel_is_found_out_while_it_speaks() -> None:
    loud, quiet = (LoudnessIdentifier(("en", "de")) for _ in range(2))
    for identifier, level, language in ((loud, 0.9, "de"), (quiet, 0.3, "en")):
        found = replace(recogniser(Script(languages=("en", "de"))), identifier=identifier)
        options = (LanguageOption("en"), LanguageOption("de"))
        session = LiveSession(found, RecognitionRequest(choice=LanguageChoice(options)), RULE, 16_000)
        listener = Listener(session)
        rng = np.random.default_rng(0)
        for ms, is_loud in [(2_000, True), (800, False), (2_000, True), (800, False), (1_000, True)]:
            samples = rng.uniform(-level, level, ms * 16) * is_loud
            session.feed((samples * 32767).astype("<i2").tobytes())
            listener.step()
        session.finish()
        listener.step()
        told = [event.segment for event in listener.events if isinstance(event, Final)]
        assert len(told) == 3
        assert [segment.languages[0].language for segment in told] == [language] * 3
        first = next(event.segment for event in listener.events if isinstance(event, Partial))
        assert first.languages == ()
        finished = listener.events[-1]
        assert isinstance(finished, Finished)
        assert finished.language == language


def test_each_utterance_is_recognised_by_the_model_of_its_language() -> None:
    english, german = (
        replace(recogniser(Script(languages=(language,), texts=(text,))), languages=(language,))
        for language, text in (("en", "yes yes yes"), ("de", "ja ja ja"))
    )
    both = replace(english.beside({"german": german}), identifier=LoudnessIdentifier(("en", "de")))
    options = (LanguageOption("en"), LanguageOption("de"))
    session = LiveSession(both, RecognitionRequest(choice=LanguageChoice(options, changing=True)), RULE, 16_000)
    events: list[SpeechEvent] = []
    rng = np.random.default_rng(0)
    for level in (0.3, 0.0, 0.9, 0.0, 0.9, 0.0, 0.3, 0.0):
        samples = rng.uniform(-level, level, 24_000)
        for at in range(0, len(samples), 1_600):
            session.feed((samples[at : at + 1_600] * 32767).astype("<i2").tobytes())
            while (work := session.work()) is not None:
                if work.kind is Kind.PARTIAL:
                    session.drafted(session.engine.draft([session.utterance()])[0])
                else:
                    session.recognise(lambda: False)
            events += session.take_events()
    session.finish()
    events += session.take_events()
    told = [event.segment for event in events if isinstance(event, Final)]
    assert [segment.text for segment in told] == ["yes yes yes", "ja ja ja", "ja ja ja", "yes yes yes"]
    drafts = {event.segment.index: event.segment.text for event in events if isinstance(event, Partial)}
    assert [drafts[index][:2] for index in range(4)] == ["ye", "ye", "ja", "ja"]  # in the language known so far


def diarizing(script: Script | None = None) -> Recogniser:
    return replace(recogniser(script), diarizer=LoudnessDiarizer())


def levels(peaks: Sequence[float]) -> bytes:
    """Utterances of 1.2 s, with pauses."""
    parts = [sound([(1_200, True), (700, False)], seed=at) for at in range(len(peaks))]
    scaled = [np.frombuffer(part, "<i2") * (peak / 0.3) for part, peak in zip(parts, peaks, strict=True)]
    return np.concatenate([np.zeros(0), *scaled]).astype("<i2").tobytes()


def listened(session: LiveSession, pcm: bytes, *, hears: bool = True) -> list[SpeechEvent]:
    listener = Listener(session)

    def run() -> None:
        listener.step()
        while hears and session.listening() is not None:
            session.hear()
            listener.step()

    for at in range(0, len(pcm), 3_200):
        session.feed(pcm[at : at + 3_200])
        run()
    session.finish()
    run()
    return listener.events


PEAKS = st.lists(st.sampled_from([0.1, 0.3, 0.6, 0.9]), min_size=1, max_size=5)
TOLD_APART = RecognitionRequest(speakers=SpeakerRequest())


@settings(max_examples=15, deadline=None)
@given(PEAKS)
def test_finals_say_who_speaks_and_else_nothing_is_different(peaks: list[float]) -> None:
    pcm = levels(peaks)
    told = listened(LiveSession(diarizing(), TOLD_APART, RULE, 16_000), pcm)
    order = list(dict.fromkeys(peaks))
    segments = finals(told)
    assert [{word.speaker for word in segment.words} for segment in segments] == [{order.index(peak)} for peak in peaks]
    nobody = [
        replace(
            event, segment=replace(event.segment, words=tuple(replace(w, speaker=None) for w in event.segment.words))
        )
        if isinstance(event, Final)
        else event
        for event in told
    ]
    assert nobody == listened(LiveSession(diarizing(), RecognitionRequest(), RULE, 16_000), pcm)


def test_a_final_waits_until_its_speakers_are_told() -> None:
    session = LiveSession(diarizing(), TOLD_APART, RULE, 16_000)
    events = listened(session, levels([0.3, 0.6]), hears=False)
    assert not finals(events)
    assert not any(isinstance(event, (SpeechEnded, Finished)) for event in events)
    work = session.listening()
    assert work is not None
    assert work.kind is Kind.SPEAKERS
    assert session.work() is None
    assert session.settled < 16_000 * 1_200 // 1_000
    session.tell_speakers()
    listener = Listener(session)
    listener.step()
    assert len(finals(listener.events)) == 1
    session.tell_speakers()
    listener.step()
    assert isinstance(listener.events[-1], Finished)
    assert session.listening() is None


@settings(max_examples=10, deadline=None)
@given(PEAKS, st.integers(0, 4), st.sampled_from([8_000, 16_000, 44_100]))
def test_a_session_that_takes_over_knows_the_speakers(peaks: list[float], lost_after: int, rate: int) -> None:
    pcm = np.frombuffer(levels(peaks), "<i2")
    pcm = np.interp(np.arange(len(pcm) * rate // 16_000) * 16_000 / rate, np.arange(len(pcm)), pcm)
    audio = pcm.astype("<i2").tobytes()
    whole = listened(LiveSession(diarizing(), TOLD_APART, RULE, rate), audio)
    lost = LiveSession(diarizing(), TOLD_APART, RULE, rate)
    listener = Listener(lost)
    for at in range(0, len(audio), 3_200):
        if lost.next_index >= lost_after:
            break
        lost.feed(audio[at : at + 3_200])
        while lost.work() is not None or lost.listening() is not None:
            listener.step()
            if lost.listening() is not None:
                lost.hear()
        listener.step()
    again = LiveSession(
        *(diarizing(), TOLD_APART, RULE, rate), start=lost.settled, first_index=lost.next_index, voices=lost.voices
    )
    events = listener.events + listened(again, audio[2 * lost.settled :])
    # The first tenth of a second may be as loud as another person is.
    told, expected = ([mode(word.speaker for word in s.words) for s in finals(each)] for each in (events, whole))
    known = set(expected[: len(finals(listener.events))])
    both = set(zip(told, expected, strict=True))
    assert all(one == other for one, other in both if other in known)
    # Who is new may get another number, because tenths begin elsewhere, but one alone.
    assert len(both) == len({one for one, _ in both}) == len(set(expected))
