"""One live stream in a worker: audio in, in pieces of any size; what is to be computed, and what was said, out.

It computes nothing by itself but voice activity: whoever runs it asks what is due (``work``), chooses among many
streams, and calls ``recognise``, or the engine's ``draft`` for many at once. It never waits, and has no clock but the
audio's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from statistics import fmean
from typing import Final

import numpy as np
import numpy.typing as npt

from dragoman.audio.live_resample import LiveResampler
from dragoman.audio.segment import SpeechSegment
from dragoman.audio.tape import Tape
from dragoman.audio.vad import FRAME
from dragoman.core.events import Final as FinalEvent
from dragoman.core.events import Finished, Partial, SpeechEnded, SpeechEvent, SpeechStarted
from dragoman.core.ports import SAMPLE_RATE, Engine, Hypothesis, HypothesisWord, Samples, Utterance, WordTimes
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.core.spacing import joined
from dragoman.core.transcript import Character, Segment, Word
from dragoman.service.endpointing import Ended, Endpointer, EndpointingRule, Paused, Resumed, Started
from dragoman.service.partials import Agreement
from dragoman.service.recognise import Recogniser, recognise_segment
from dragoman.service.spoken_language import SpokenLanguage
from dragoman.service.stream_speakers import StreamSpeakers

Floats = npt.NDArray[np.float32]

_FIRST_DRAFT: Final = 500 * SAMPLE_RATE // 1000
"""After speech began. Sooner, drafts are guesses."""
_DRAFT_EVERY: Final = 300 * SAMPLE_RATE // 1000
_TELL_EVERY: Final = 600 * SAMPLE_RATE // 1000
"""A partial that is as the last one is told again, to say that somebody is still speaking."""


class Kind(IntEnum):
    """What can be computed for a stream, the most urgent first."""

    FINAL = 0
    """An utterance has ended: what it said."""
    AHEAD = 1
    """An utterance may have ended: what it said if it has, over just the audio that its final would be made from."""
    PARTIAL = 2
    """A draft of the utterance that is being spoken."""
    SPEAKERS = 3
    """An utterance has ended, and its final waits for those who said it."""
    VOICES = 4
    """Audio that nobody waits for, but that has to be heard some time to tell speakers apart."""


@dataclass(frozen=True, slots=True)
class Work:
    """``due`` is where in the submitted audio it became due, in milliseconds."""

    kind: Kind
    due: int


@dataclass(slots=True)
class _Open:
    """An utterance whose final is not out. Places are frames, or, where they say so, samples of 16 kHz."""

    index: int
    start: int
    agreement: Agreement
    draft_due: int
    """Sample from which on it is drafted next."""
    drafting: Utterance | None = None
    """Opened with its first draft, when its language is known as well as it will be."""
    told: tuple[str, int] = ("", 0)
    """The last partial's text and how much of it is stable."""
    told_to: int = 0
    """Sample up to which the draft went that it was from."""
    stable: tuple[HypothesisWord, ...] = ()
    stable_words: tuple[Word, ...] = ()
    """The words that all later partials begin with, as they were told; none where no times are wanted."""
    stable_end_ms: int = 0
    """Where the last of them ends in the utterance."""
    draft_to: int = 0
    """Sample up to which the draft goes that is being made."""
    paused: int | None = None
    stop_sample: int | None = None
    ended: int = 0
    """Frame at which it was seen to have ended."""
    answered: SpokenLanguage | None = None
    """``answer`` is what it says if the pause lasts, and this the language then; ``None``: it is not known yet."""
    answer: Segment | None = None
    is_told: bool = False
    """The words of the answer have their speakers."""


class LiveSession:
    """A stream of one channel at ``rate`` hertz, 8 to 48 kHz.

    ``start`` says how many samples of the stream came before and are not needed any more, ``first_index`` how many
    segments: a session that takes the place of one that was lost begins with that one's ``settled`` and ``next_index``.
    It says again that the segment has started that was open. ``index_step`` is how far its indices are apart, and the
    numbers of its speakers; ``voices`` is what the one that was lost remembered of them.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        request: RecognitionRequest,
        rule: EndpointingRule,
        rate: int,
        *,
        start: int = 0,
        first_index: int = 0,
        channel: int = 0,
        index_step: int = 1,
        voices: bytes = b"",
    ) -> None:
        self._recogniser = recogniser
        self._language = SpokenLanguage(request)
        """As it is known from the utterances that are over."""
        self._is_timed = request.time_detail is not TimeDetail.SEGMENT
        self._rate = rate
        self._start = start
        self._channel = channel
        self._index_step = index_step
        options = request.choice.options if request.choice is not None else ()
        engines = [recogniser.in_language(each).engine for each in (request.language, *(o.language for o in options))]
        longest_ms = min(rule.longest_ms, *(engine.capabilities.max_segment_ms for engine in engines))
        self._endpointer = Endpointer(replace(rule, longest_ms=longest_ms))
        self._resampler = LiveResampler(rate)
        self._vad = recogniser.voice_activity.open()
        self._tape = Tape()
        self._speakers: StreamSpeakers | None = None
        if request.speakers is not None and recogniser.diarizer is not None:
            self._speakers = StreamSpeakers(
                *(recogniser.diarizer, request.speakers, start * 1000 // rate, voices), first=channel, step=index_step
            )
        self._looked_at = 0
        """Samples of 16 kHz, in whole frames but at the end."""
        self._utterances: deque[_Open] = deque()
        self._indices = first_index
        self._events: list[SpeechEvent] = []
        self._is_over = False
        self.is_finished: bool = False
        """``Finished`` was among the events taken."""
        self.taken: int = start
        """Samples of the stream, those before this session included."""
        self.settled: int = start
        """Samples of the stream that are not needed any more once the events taken so far are safe."""
        self.next_index: int = first_index
        """Index of the first segment that is not closed in the events taken so far."""

    @property
    def held_samples(self) -> int:
        """How much audio is kept at the moment, at 16 kHz."""
        return self._tape.held

    @property
    def engine(self) -> Engine:
        """That of the language that is spoken, as far as it is known."""
        return self._recogniser.in_language(self._language.request.language).engine

    @property
    def has_news(self) -> bool:
        """There are events to take."""
        return bool(self._events) or (self._is_over and not self._utterances and not self.is_finished)

    def feed(self, pcm: bytes | bytearray | memoryview) -> None:
        """Signed 16-bit little-endian samples, whole ones."""
        samples = np.frombuffer(pcm, "<i2")
        self.taken += len(samples)
        self._tape.append(self._resampler.feed(samples))
        self._look()

    def finish(self) -> None:
        """No more audio will come."""
        self._tape.append(self._resampler.finish())
        self._look()
        self._looked_at = self._tape.end
        ended = self._endpointer.finish()
        if ended is not None:
            self._end(ended)
        self._is_over = True

    def work(self) -> Work | None:
        """What should be computed next. It stays due until it is done, or until the audio makes it needless."""
        if not self._utterances:
            return None
        first = self._utterances[0]
        if self._is_untold(first):
            return None
        if first.stop_sample is not None:
            return Work(Kind.FINAL, self._ms(first.ended * FRAME))
        if first.paused is not None:
            return None if first.answered is not None else Work(Kind.AHEAD, self._ms(first.paused * FRAME))
        is_due = first.draft_due <= self._looked_at
        return Work(Kind.PARTIAL, self._ms(first.draft_due)) if is_due else None

    def listening(self) -> Work | None:
        """What should be heard next to tell speakers apart: ``SPEAKERS`` or ``VOICES``."""
        if self._speakers is None:
            return None
        if self._utterances and self._is_untold(self._utterances[0]):
            return Work(Kind.SPEAKERS, self._ms(self._utterances[0].ended * FRAME))
        due_ms = None if self._is_over and not self._utterances else self._speakers.due_ms
        return None if due_ms is None else Work(Kind.VOICES, due_ms)

    def hear(self) -> None:
        """Do a little of what ``listening`` says. Raises ``EngineNotReady``."""
        assert self._speakers is not None
        is_waited_for = bool(self._utterances) and self._is_untold(self._utterances[0])
        to_ms = self._ms(self._utterances[0].stop_sample or 0) if is_waited_for else 0
        if not self._speakers.hear(to_ms) and is_waited_for:
            self.tell_speakers()

    def tell_speakers(self) -> None:
        """The final that waits for its speakers waits no longer: they are who is known by now."""
        first = self._utterances[0]
        assert self._speakers is not None
        assert first.answer is not None
        first.answer, first.is_told = self._speakers.told(first.answer), True
        self._close_answered()

    @property
    def voices(self) -> bytes:
        """What is remembered of the speakers, for a session that takes the place of this one."""
        return b"" if self._speakers is None else self._speakers.remembered

    def utterance(self) -> tuple[Utterance, Samples]:
        """What ``engine`` needs to draft the open utterance when a ``PARTIAL`` is due; ``drafted`` takes the result."""
        first = self._utterances[0]
        first.draft_to = self._looked_at
        first.drafting = first.drafting or self.engine.open_utterance(self._language.request)
        return first.drafting, self._tape.between(first.start * FRAME, first.draft_to).data

    def drafted(self, hypothesis: Hypothesis) -> None:
        """The draft of what ``utterance`` gave."""
        first = self._utterances[0]
        first.draft_due = first.draft_to + _DRAFT_EVERY
        start, stop_ms = first.start * FRAME, self._ms(first.draft_to)
        shown = first.agreement.update(hypothesis, (first.draft_to - start) * 1000 // SAMPLE_RATE)
        said = (*first.stable, *hypothesis.words[len(first.stable) : shown.words])
        text = joined(word.text for word in said)
        is_news = (text, shown.stable) != first.told or first.draft_to >= first.told_to + _TELL_EVERY
        if not said or not is_news:
            return
        first.told, first.told_to = (text, shown.stable), first.draft_to
        tail = hypothesis.words[len(first.stable) :]
        times = self._tail_times(first, [word.text for word in tail]) if self._is_timed else ()
        begin_ms = self._ms(start)

        def place(offset_ms: int) -> int:
            return min(begin_ms + offset_ms, stop_ms)

        told = (
            Word(
                word.text,
                place(time.start_ms),
                place(time.end_ms),
                word.confidence,
                tuple(Character(c.text, place(c.start_ms), place(c.end_ms)) for c in time.characters),
            )
            for word, time in zip(said[len(first.stable) :], times, strict=False)
        )
        words = (*first.stable_words, *told)
        if self._is_timed and shown.stable > len(first.stable):
            first.stable_end_ms = times[shown.stable - len(first.stable) - 1].end_ms
        first.stable, first.stable_words = said[: shown.stable], words[: shown.stable]
        assert first.drafting is not None
        first.drafting.settle(shown.stable)
        segment = Segment(
            index=first.index,
            channel=self._channel,
            start_ms=words[0].start_ms if self._is_timed else begin_ms,
            end_ms=words[-1].end_ms if self._is_timed else stop_ms,
            text=text,
            confidence=fmean(word.confidence for word in said),
            words=words,
            languages=self._language.scores,
        )
        self._events.append(Partial(segment, shown.stable))

    def recognise(self, cancelled: Callable[[], bool]) -> None:
        """Do the ``FINAL`` or the ``AHEAD`` that is due. Raises ``Cancelled``, and then it is still due."""
        first = self._utterances[0]
        start, stop = first.start * FRAME, first.stop_sample
        if stop is None:
            assert first.paused is not None
            stop = first.paused * FRAME
        speech = SpeechSegment(self._ms(start), self._ms(stop), self._tape.between(start, stop))
        language = self._language.after(self._recogniser.identifier, speech.samples.data)
        answer = recognise_segment(self._recogniser, speech, first.index, self._channel, language.request, cancelled)
        first.answer = None if answer is None else replace(answer, languages=language.scores)
        first.answered = self._language if answer is None else language
        self._close_answered()

    def take_events(self) -> list[SpeechEvent]:
        """What has happened since it was last asked; ``Finished`` is the last event there is."""
        events, self._events = self._events, []
        if self._is_over and not self._utterances and not self.is_finished:
            self.is_finished = True
            language = self._language.request.language or self._recogniser.own_languages[0]
            model = self.engine.capabilities.model
            events.append(Finished(self.taken * 1000 // self._rate, language, model))
        self._settle()
        return events

    def _look(self) -> None:
        """Voice activity and endpoints in the frames that are complete."""
        count = (self._tape.end - self._looked_at) // FRAME
        if count == 0:
            return
        samples = self._tape.between(self._looked_at, self._looked_at + count * FRAME)
        if self._speakers is not None:
            self._speakers.feed(samples)
        frames = samples.reshape(count, FRAME)
        levels = np.sqrt(np.vecdot(frames, frames) / FRAME)
        for probability, level in zip(self._vad.feed(samples).tolist(), levels.tolist(), strict=True):
            self._looked_at += FRAME
            for boundary in self._endpointer.take(probability, level):
                match boundary:
                    case Started():
                        self._begin(boundary)
                    case Paused(stop):
                        self._utterances[-1].paused = stop
                    case Resumed():
                        self._utterances[-1].paused = None
                        self._utterances[-1].answered = None
                    case Ended():
                        self._end(boundary)
        self._tape.forget(self._earliest * FRAME)

    def _begin(self, started: Started) -> None:
        opened = _Open(
            index=self._indices,
            start=started.start,
            agreement=Agreement(),
            draft_due=started.speech * FRAME + _FIRST_DRAFT,
        )
        self._indices += self._index_step
        self._utterances.append(opened)
        if opened is self._utterances[0]:
            self._report_start()

    def _end(self, ended: Ended) -> None:
        last = self._utterances[-1]
        frames = self._endpointer.frame
        # The audio may end with a piece of a frame, which belongs to speech that has not paused.
        is_whole = ended.stop == frames and last.paused is None
        last.stop_sample = self._looked_at if is_whole else ended.stop * FRAME
        last.ended = frames
        self._close_answered()

    def _close_answered(self) -> None:
        """The first utterance is over once its final is known, and who says it, and it has ended."""
        first = self._utterances[0]
        if first.answered is None or first.stop_sample is None or self._is_untold(first):
            return
        self._language = first.answered
        if first.answer is not None:
            self._events.append(FinalEvent(first.answer))
        self._events.append(SpeechEnded(first.index, self._channel, self._ms(first.stop_sample)))
        self._utterances.popleft()
        if self._utterances:
            self._report_start()

    def _is_untold(self, utterance: _Open) -> bool:
        """Its final waits for nothing but its speakers."""
        waits = self._speakers is not None and utterance.answer is not None and not utterance.is_told
        return waits and utterance.stop_sample is not None and utterance.answered is not None

    def _report_start(self) -> None:
        first = self._utterances[0]
        self._events.append(SpeechStarted(first.index, self._channel, self._ms(first.start * FRAME)))

    def _tail_times(self, first: _Open, words: Sequence[str]) -> tuple[WordTimes, ...]:
        """Those of the words behind the stable ones."""
        if not words:
            return ()
        request, after_ms = self._language.request, first.stable_end_ms
        samples = self._tape.between(first.start * FRAME + after_ms * SAMPLE_RATE // 1000, first.draft_to)
        times = self._recogniser.in_language(request.language).aligner.align(
            samples.data,
            words,
            characters=request.time_detail is TimeDetail.CHARACTER,
            known=request.vocabulary.words,
        )
        return tuple(
            WordTimes(
                after_ms + time.start_ms,
                after_ms + time.end_ms,
                tuple(Character(c.text, after_ms + c.start_ms, after_ms + c.end_ms) for c in time.characters),
            )
            for time in times
        )

    @property
    def _earliest(self) -> int:
        """The frame before which nothing is needed."""
        return self._utterances[0].start if self._utterances else self._endpointer.earliest

    def _settle(self) -> None:
        if self.is_finished:
            self.settled = self.taken
        else:
            # The sample that is there or next: a session that goes on from it is never before what this one has said.
            self.settled = self._start - (-self._earliest * FRAME * self._rate // SAMPLE_RATE)
        self.next_index = self._utterances[0].index if self._utterances else self._indices

    def _ms(self, sample: int) -> int:
        """A place in samples of 16 kHz → in the submitted audio."""
        place = (self._start * SAMPLE_RATE + sample * self._rate) * 1000 // (self._rate * SAMPLE_RATE)
        return min(place, self.taken * 1000 // self._rate)
