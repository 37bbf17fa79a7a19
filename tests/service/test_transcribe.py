"""Laws of transcription in a worker, over real files with the fake engine."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dragoman.audio.decode import MediaLimits
from dragoman.core.errors import AudioTooLong, Cancelled, UndecodableAudio, UnknownModel
from dragoman.core.events import AudioEventsFound, Finished, Opened, Progress, SpeakersFound
from dragoman.core.ports import AudioTag, LanguageIdentifier, Samples
from dragoman.core.request import (
    ChannelMode,
    ChannelSelection,
    DictionaryWord,
    LanguageChoice,
    LanguageOption,
    RecognitionRequest,
    SpeakerMode,
    SpeakerRequest,
    TimeDetail,
    Vocabulary,
)
from dragoman.core.transcript import Segment
from dragoman.engines.fake import (
    AllSpeech,
    AllSpeechStream,
    EvenAligner,
    FakeEngine,
    LoudnessDiarizer,
    LoudnessIdentifier,
    LoudnessStream,
    LoudnessTagger,
    Mishap,
    Script,
    SpellingMatcher,
)
from dragoman.service.recognise import Recogniser
from dragoman.service.transcribe import FileReport, Recognised, Transcriber
from noise import LOUD, QUIET, SILENT, noise_file

pytestmark = pytest.mark.unit

SPLIT = ChannelSelection(ChannelMode.SPLIT)


def transcriber(script: Script | None = None, limits: MediaLimits | None = None) -> Transcriber:
    recogniser = Recogniser(FakeEngine(script), EvenAligner(), AllSpeech(), SpellingMatcher())
    return Transcriber({"default": recogniser}, limits or MediaLimits())


def segments(reports: Iterable[FileReport]) -> list[Segment]:
    return [r.segment for r in reports if isinstance(r, Recognised) and r.segment is not None]


@pytest.fixture(scope="module")
def mono(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute with silence in the middle."""
    parts = [(12.3, QUIET), (5.0, SILENT), (14.05, QUIET)]
    return noise_file(tmp_path_factory.mktemp("audio") / "mono.wav", parts)


@pytest.fixture(scope="module")
def stereo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise_file(tmp_path_factory.mktemp("audio") / "stereo.wav", [(21.0, QUIET)], [(9.0, QUIET), (12.0, LOUD)])


def test_a_file_is_opened_recognised_and_finished_in_this_order(mono: Path) -> None:
    reports = list(transcriber().transcribe(mono, RecognitionRequest()))
    assert reports[0] == Opened(31_350, (0,))
    assert reports[-1] == Finished(31_350, "en", "fake")
    assert {type(report) for report in reports[1:-1]} == {Progress, Recognised}


def test_the_same_file_gives_the_same_reports(stereo: Path) -> None:
    request = RecognitionRequest(channels=SPLIT, time_detail=TimeDetail.CHARACTER)
    assert list(transcriber().transcribe(stereo, request)) == list(transcriber().transcribe(stereo, request))


def test_segments_are_numbered_in_the_order_they_come_all_channels_together(stereo: Path) -> None:
    reports = list(transcriber().transcribe(stereo, RecognitionRequest(channels=SPLIT)))
    numbers = [report.index for report in reports if isinstance(report, Recognised)]
    assert numbers == list(range(len(numbers)))
    assert all(segment.index in numbers for segment in segments(reports))
    assert {segment.channel for segment in segments(reports)} == {0, 1}


def test_a_segment_where_nothing_was_said_is_reported_without_words(tmp_path: Path) -> None:
    reports = list(transcriber().transcribe(noise_file(tmp_path / "a.wav", [(12, SILENT)]), RecognitionRequest()))
    done = [report for report in reports if isinstance(report, Recognised)]
    assert done
    assert all(report.segment is None for report in done)


@pytest.mark.parametrize("shards", [1, 2, 3, 4])
def test_shards_together_are_the_whole(stereo: Path, shards: int) -> None:
    request = RecognitionRequest(channels=SPLIT)
    whole = segments(transcriber().transcribe(stereo, request))
    parts = [
        segments(transcriber().transcribe(stereo, request, wanted=lambda i, n=number: i % shards == n))
        for number in range(shards)
    ]
    assert sorted((segment for part in parts for segment in part), key=lambda s: s.index) == whole


def test_what_is_not_wanted_costs_no_recognition(mono: Path) -> None:
    fails_on_everything = Script(mishaps=(Mishap(above=0.0, kind="error"),))
    reports = list(transcriber(fails_on_everything).transcribe(mono, RecognitionRequest(), wanted=lambda index: False))
    assert segments(reports) == []
    assert isinstance(reports[-1], Finished)


def test_progress_never_goes_back_nor_past_what_is_still_to_come(stereo: Path) -> None:
    reports = list(transcriber().transcribe(stereo, RecognitionRequest(channels=SPLIT)))
    done_ms = [report.done_ms for report in reports if isinstance(report, Progress)]
    assert done_ms == sorted(done_ms)
    for position, report in enumerate(reports):
        if isinstance(report, Progress):
            assert all(segment.end_ms > report.done_ms for segment in segments(reports[position:]))


def test_there_is_a_sign_of_life_every_ten_seconds_even_if_nothing_is_wanted(tmp_path: Path) -> None:
    file = noise_file(tmp_path / "long.wav", [(100, QUIET)])
    reports = list(transcriber().transcribe(file, RecognitionRequest(), wanted=lambda index: False))
    assert sum(isinstance(report, Progress) for report in reports) >= 9


@pytest.mark.parametrize("detail", [TimeDetail.WORD, TimeDetail.CHARACTER])
def test_times_are_those_of_the_submitted_audio(stereo: Path, detail: TimeDetail) -> None:
    reports = list(transcriber().transcribe(stereo, RecognitionRequest(channels=SPLIT, time_detail=detail)))
    for channel in (0, 1):
        edges = [0]
        for segment in segments(reports):
            if segment.channel == channel:
                assert (segment.start_ms, segment.end_ms) == (segment.words[0].start_ms, segment.words[-1].end_ms)
                assert segment.text == " ".join(word.text for word in segment.words)
                for word in segment.words:
                    spans = word.characters if detail is TimeDetail.CHARACTER else (word,)
                    assert "".join(span.text for span in spans) == word.text
                    edges += [edge for span in spans for edge in (span.start_ms, span.end_ms)]
        edges.append(21_000)
        assert edges == sorted(edges)


def test_segment_times_alone_come_without_words_from_the_boundaries_of_speech(mono: Path) -> None:
    found = segments(transcriber().transcribe(mono, RecognitionRequest(time_detail=TimeDetail.SEGMENT)))
    assert all(segment.words == () and segment.text for segment in found)
    edges = [0, *(edge for s in found for edge in (s.start_ms, s.end_ms)), 31_350]
    assert edges == sorted(edges)


def test_cancelled_it_stops_at_the_next_step(mono: Path) -> None:
    cancelled = False
    reports = transcriber().transcribe(mono, RecognitionRequest(), cancelled=lambda: cancelled)
    assert isinstance(next(reports), Opened)
    cancelled = True
    with pytest.raises(Cancelled):
        next(reports)


def test_a_file_that_is_no_recording_fails_with_the_first_step(tmp_path: Path) -> None:
    file = tmp_path / "song.wav"
    file.write_text("not a recording at all")
    with pytest.raises(UndecodableAudio):
        next(transcriber().transcribe(file, RecognitionRequest()))


def test_limits_are_kept(mono: Path) -> None:
    with pytest.raises(AudioTooLong):
        list(transcriber(limits=MediaLimits(max_duration_ms=30_000)).transcribe(mono, RecognitionRequest()))


def test_a_profile_that_is_not_there_is_said(mono: Path) -> None:
    with pytest.raises(UnknownModel, match="'best'"):
        next(transcriber().transcribe(mono, RecognitionRequest(profile="best")))


@pytest.mark.parametrize("detail", list(TimeDetail))
def test_words_of_the_dictionary_are_put_in_and_nothing_else_changes(mono: Path, detail: TimeDetail) -> None:
    script = Script(texts=("give it to gif nay now",))
    known = Vocabulary(words=(DictionaryWord("giffney", sounds_like=("gif",), display="Giffney"),))
    plain = segments(transcriber(script).transcribe(mono, RecognitionRequest(time_detail=detail)))
    found = segments(transcriber(script).transcribe(mono, RecognitionRequest(time_detail=detail, vocabulary=known)))
    assert plain
    assert [segment.text for segment in plain] == ["give it to gif nay now"] * len(plain)
    assert [segment.text for segment in found] == ["give it to Giffney nay now"] * len(plain)
    if detail is not TimeDetail.SEGMENT:
        assert [[word.text for word in segment.words] for segment in found] == [
            segment.text.split() for segment in found
        ]
    assert [(s.index, s.channel) for s in found] == [(s.index, s.channel) for s in plain]
    assert [s.confidence for s in found] == pytest.approx([s.confidence for s in plain])


def test_without_a_matcher_a_dictionary_changes_nothing(mono: Path) -> None:
    recogniser = Recogniser(FakeEngine(Script(texts=("a gif",))), EvenAligner(), AllSpeech())
    request = RecognitionRequest(vocabulary=Vocabulary(words=(DictionaryWord("Giffney", sounds_like=("gif",)),)))
    found = segments(Transcriber({"default": recogniser}, MediaLimits()).transcribe(mono, request))
    assert {segment.text for segment in found} == {"a gif"}


def telling(script: Script, identifier: LanguageIdentifier | None = None) -> Transcriber:
    identifier = identifier or LoudnessIdentifier(script.languages)
    return Transcriber(
        {"default": Recogniser(FakeEngine(script), EvenAligner(), AllSpeech(), identifier=identifier)}, MediaLimits()
    )


LANGUAGES = Script(languages=("en", "cs"))
EITHER = LanguageChoice(tuple(map(LanguageOption, LANGUAGES.languages)))


def test_a_file_is_in_the_language_of_its_first_half_minute_from_the_first_segment_on(tmp_path: Path) -> None:
    """The scale of peaks is shared out among the languages, and the loudest decides."""
    for peak, seconds, language in [(QUIET, 45, "en"), (LOUD, 45, "cs"), (LOUD, 2, "cs")]:
        file = noise_file(tmp_path / "told.wav", [(seconds, peak), (20, LOUD)] if seconds > 30 else [(seconds, peak)])
        reports = list(telling(LANGUAGES).transcribe(file, RecognitionRequest(choice=EITHER)))
        named = list(telling(LANGUAGES).transcribe(file, RecognitionRequest(language=language)))
        told = segments(reports)
        assert isinstance(reports[-1], Finished)
        assert reports[-1].language == language
        assert [replace(segment, languages=()) for segment in told] == segments(named)
        for segment in told:
            assert segment.languages[0].language == language
            assert sum(each.score for each in segment.languages) == pytest.approx(1)


def test_the_language_that_is_found_decides_which_model_recognises(tmp_path: Path) -> None:
    other = Recogniser(FakeEngine(Script(languages=("cs",), texts=("dobrý den",))), EvenAligner(), AllSpeech())
    first = Recogniser(FakeEngine(Script(texts=("good day",))), EvenAligner(), AllSpeech()).beside({"czech": other})
    recogniser = replace(first, identifier=LoudnessIdentifier(LANGUAGES.languages))
    for peak, language, text in [(QUIET, "en", "good day"), (LOUD, "cs", "dobrý den")]:
        file = noise_file(tmp_path / "told.wav", [(4, peak)])
        request = RecognitionRequest(choice=EITHER)
        reports = list(Transcriber({"default": recogniser}, MediaLimits()).transcribe(file, request))
        assert isinstance(reports[-1], Finished)
        assert (reports[-1].language, segments(reports)[0].text) == (language, text)


def test_cancelled_while_the_language_is_found_out_it_does_not_wait_for_that(mono: Path) -> None:
    released, looks = threading.Event(), iter([False] * 40)
    transcriber = telling(LANGUAGES, Waiting(released))
    with pytest.raises(Cancelled):
        list(transcriber.transcribe(mono, RecognitionRequest(choice=EITHER), cancelled=lambda: next(looks, True)))
    released.set()


class Waiting(LoudnessIdentifier):
    """Answers when it is allowed to."""

    def __init__(self, released: threading.Event) -> None:
        super().__init__(LANGUAGES.languages)
        self._released = released

    def identify(self, samples: Samples, among: Sequence[str]) -> tuple[float, ...]:
        assert self._released.wait(10)
        return super().identify(samples, among)


def test_progress_does_not_pass_what_waits_for_the_language(mono: Path) -> None:
    reports = list(telling(LANGUAGES).transcribe(mono, RecognitionRequest(choice=EITHER)))
    for position, report in enumerate(reports):
        if isinstance(report, Progress):
            assert all(segment.end_ms > report.done_ms for segment in segments(reports[position:]))


@pytest.mark.parametrize("shards", [2, 3])
def test_shards_together_are_the_whole_in_one_language(stereo: Path, shards: int) -> None:
    request = RecognitionRequest(channels=SPLIT, choice=EITHER)
    whole = segments(telling(LANGUAGES).transcribe(stereo, request))
    parts = [
        segments(telling(LANGUAGES).transcribe(stereo, request, wanted=lambda i, n=number: i % shards == n))
        for number in range(shards)
    ]
    assert sorted((segment for part in parts for segment in part), key=lambda s: s.index) == whole


def test_where_nothing_is_said_the_language_is_the_first_one(tmp_path: Path) -> None:
    recogniser = replace(Recogniser(FakeEngine(LANGUAGES), EvenAligner(), NoSpeech()), identifier=Unheard())
    file = noise_file(tmp_path / "silence.wav", [(3.0, SILENT)])
    reports = Transcriber({"default": recogniser}, MediaLimits()).transcribe(file, RecognitionRequest(choice=EITHER))
    assert [report.language for report in reports if isinstance(report, Finished)] == ["en"]


class Unheard(LoudnessIdentifier):
    """Is never asked."""

    def __init__(self) -> None:
        super().__init__(LANGUAGES.languages)

    def identify(self, samples: Samples, among: Sequence[str]) -> tuple[float, ...]:
        raise AssertionError


class NoSpeech(AllSpeech):
    def open(self) -> NoSpeechStream:
        return NoSpeechStream()


class NoSpeechStream(AllSpeechStream):
    def feed(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.zeros_like(super().feed(samples))


class OnlyTagger(LoudnessTagger):
    """Is loaded before it is used, and counts how often."""

    def __init__(self) -> None:
        super().__init__(("Rain", "Applause"))
        self.loaded = False
        self.asked = 0

    def load(self) -> None:
        self.loaded = True

    def tag(self, samples: Samples) -> tuple[AudioTag, ...]:
        assert self.loaded
        self.asked += 1
        return super().tag(samples)


def hearing(tagger: OnlyTagger) -> Transcriber:
    return Transcriber({"default": Recogniser(FakeEngine(), EvenAligner(), AllSpeech(), tagger=tagger)}, MediaLimits())


def test_audio_events_are_found_on_every_channel_by_itself_once_at_the_end(stereo: Path) -> None:
    request = RecognitionRequest(channels=SPLIT, audio_events=True)
    reports = list(hearing(OnlyTagger()).transcribe(stereo, request))
    (found,) = (report for report in reports if isinstance(report, AudioEventsFound))
    assert reports[-2] is found
    assert [(event.label, event.channel) for event in found.events] == [("Rain", 0), ("Rain", 1), ("Applause", 1)]
    assert found.events[0].end_ms == 21_000


def test_audio_events_that_nobody_asked_for_or_another_looks_for_cost_nothing(mono: Path) -> None:
    tagger = OnlyTagger()
    plain = list(hearing(tagger).transcribe(mono, RecognitionRequest()))
    assert list(hearing(tagger).transcribe(mono, RecognitionRequest(audio_events=True), whole=False)) == plain
    assert not tagger.loaded


def test_without_a_tagger_no_audio_events_are_reported(mono: Path) -> None:
    request = RecognitionRequest(audio_events=True)
    assert list(transcriber().transcribe(mono, request)) == list(transcriber().transcribe(mono, RecognitionRequest()))


class OnlyOnce(LoudnessDiarizer):
    """Is loaded before it is used, and counts what it is used for."""

    def __init__(self) -> None:
        self.loaded = False
        self.opened = 0

    def load(self) -> None:
        self.loaded = True

    def open(self) -> LoudnessStream:
        assert self.loaded
        self.opened += 1
        return super().open()


def diarizing(diarizer: LoudnessDiarizer) -> Transcriber:
    recogniser = Recogniser(FakeEngine(), EvenAligner(), AllSpeech(), diarizer=diarizer)
    return Transcriber({"default": recogniser}, MediaLimits())


def test_speakers_are_told_apart_on_every_channel_by_itself_once_at_the_end(stereo: Path) -> None:
    diarizer = OnlyOnce()
    request = RecognitionRequest(channels=SPLIT, speakers=SpeakerRequest())
    reports = list(diarizing(diarizer).transcribe(stereo, request))
    (found,) = (report for report in reports if isinstance(report, SpeakersFound))
    assert reports[-2] is found
    assert diarizer.opened == 2
    assert [(turn.channel, turn.speaker) for turn in found.turns] == [(0, 0), (1, 0), (1, 1)]
    assert found.turns[2].start_ms == pytest.approx(9_000, abs=100)
    assert found.changes == ()


def test_the_number_of_speakers_is_passed_on_and_changes_alone_are_changes(stereo: Path) -> None:
    request = RecognitionRequest(channels=SPLIT, speakers=SpeakerRequest(count=1))
    reports = list(diarizing(OnlyOnce()).transcribe(stereo, request))
    assert {turn.speaker for report in reports if isinstance(report, SpeakersFound) for turn in report.turns} == {0}
    request = RecognitionRequest(channels=SPLIT, speakers=SpeakerRequest(SpeakerMode.CHANGES, sensitivity=0.4))
    found = diarizing(OnlyOnce()).transcribe(stereo, request)
    (changes,) = (report for report in found if isinstance(report, SpeakersFound))
    assert changes.turns == ()
    assert [change.channel for change in changes.changes] == [1]


def test_speakers_that_nobody_asked_for_or_another_looks_for_cost_nothing(mono: Path) -> None:
    diarizer = OnlyOnce()
    plain = list(diarizing(diarizer).transcribe(mono, RecognitionRequest()))
    request = RecognitionRequest(speakers=SpeakerRequest())
    assert list(diarizing(diarizer).transcribe(mono, request, whole=False)) == plain
    assert not diarizer.loaded
