"""Speechmatics: laws of its formats."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from dragoman.apis.speechmatics_v1 import callback, output
from dragoman.apis.speechmatics_v1.output import OUTPUTS, items
from dragoman.apis.speechmatics_v1.translate import Options
from dragoman.core.jobs import Callback, CallbackOrder, CallbackState, Job, JobState, Remark
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Segment, SpeakerChange, Transcript, Word
from scripted import TRANSCRIPT, spoken
from strategies import diarized, transcripts, word_texts

pytestmark = pytest.mark.unit

CHANNELS = {"language": "en", "diarization": "channel"}
labels = st.lists(st.from_regex(r"\A[A-Za-z0-9._]{1,8}\Z"), min_size=3, max_size=3, unique=True)


def job(config: dict[str, Any] | None = None, **changes: Any) -> Job:
    options = Options(user_id=7, lang="en", config=Raw(msgspec.json.encode(config or {"language": "en"})))
    return replace(
        Job(
            number=546,
            token="",
            dialect="speechmatics_v1",
            owner="anonymous",
            name="speech.mp3",
            request=RecognitionRequest(language="en"),
            options=msgspec.json.encode(options),
            state=JobState.DONE,
            priority=0,
            created_ms=1_491_312_357_000,
            media=None,
            media_bytes=0,
            keep_media=True,
            ended_ms=1_491_312_400_123,
        ),
        **changes,
    )


def said(transcript: Transcript, name: str, config: dict[str, Any] | None = None) -> Any:
    return msgspec.json.decode(OUTPUTS[name].render(job(config), transcript))


def joined(results: list[dict[str, Any]]) -> str:
    """The text that the results make up."""
    text, glued = "", True
    for result in results:
        attaches = result.get("attaches_to")
        text += ("" if glued or attaches == "previous" else " ") + result["alternatives"][0]["content"]
        glued = attaches == "next"
    return text


def with_words(transcript: Transcript) -> Transcript:
    return replace(transcript, segments=tuple(segment for segment in transcript.segments if segment.words))


@given(word_texts)
def test_a_word_is_what_its_items_make_up(text: str) -> None:
    parts = list(items(Word(text, 100, 400, 0.5)))
    assert "".join(part.text for part in parts) == text
    assert [part.attaches_to for part in parts].count(None) + [part.attaches_to for part in parts].count("none") == 1
    assert all(100 <= part.start_ms <= part.end_ms <= 400 for part in parts)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello,", ["Hello", ","]),
        ("(wait...)", ["(", "wait", "...", ")"]),
        ("don't", ["don't"]),
        ("Mr.", ["Mr."]),
        ("U.S.", ["U.S."]),
        ("U.S.?", ["U.S.", "?"]),
        ("3.5.", ["3.5", "."]),
        ("-", ["-"]),
        ("-5", ["-5"]),
        (".5,", [".5", ","]),
        ('"yes."', ['"', "yes", ".", '"']),
    ],
)
def test_marks_are_split_off_and_periods_of_abbreviations_are_not(text: str, parts: list[str]) -> None:
    assert [item.text for item in items(Word(text, 0, 1, 1.0))] == parts


@given(transcripts(max_channels=1).map(with_words))
def test_json_v2_has_every_word_once_in_order(transcript: Transcript) -> None:
    results = said(transcript, "json-v2")["results"]
    assert joined(results) == " ".join(word.text for word in transcript.words)
    assert all(one["start_time"] <= two["start_time"] for one, two in pairwise(results) if "attaches_to" not in two)
    assert all(result["alternatives"][0]["speaker"] == "UU" and "channel" not in result for result in results)


@given(transcripts().map(with_words), st.lists(st.integers(0, 3)), st.booleans())
def test_changes_of_the_speaker_stand_before_the_word_that_they_are_at(
    transcript: Transcript, chosen: list[int], split: bool
) -> None:
    said_words = [(segment.channel, word) for segment in transcript.segments for word in segment.words]
    starts = sorted({(word.start_ms, channel) for channel, word in said_words})
    changes = tuple(SpeakerChange(*starts[number]) for number in sorted(set(chosen)) if number < len(starts))
    mode = "channel_and_speaker_change" if split else "speaker_change"
    results = said(replace(transcript, changes=changes), "json-v2", {"language": "en", "diarization": mode})["results"]
    found = [result for result in results if result["type"] == "speaker_change"]
    assert [(round(1000 * one["start_time"]), one["end_time"]) for one in found] == [
        (change.at_ms, change.at_ms / 1000) for change in changes
    ]
    assert all(one["alternatives"] == [] and ("channel" in one) == split for one in found)
    for one, other in pairwise(results):
        if one["type"] == "speaker_change" and other["type"] != "speaker_change":
            assert one["start_time"] == other["start_time"]
            assert one.get("channel") == other.get("channel")


@given(diarized(max_channels=1).map(with_words))
def test_speakers_are_numbered_from_one(transcript: Transcript) -> None:
    told = transcript.segments
    names = ["UU" if segment.speaker is None else f"S{segment.speaker + 1}" for segment in told]
    speaker = {"language": "en", "diarization": "speaker"}
    results = said(transcript, "json-v2", speaker)["results"]
    expected = [name for name, segment in zip(names, told, strict=True) for w in segment.words for _ in items(w)]
    assert [result["alternatives"][0]["speaker"] for result in results] == expected
    turns = said(transcript, "json", speaker)["speakers"]
    assert [turn["name"] for turn in turns] == [name for name, _ in groupby(names)]
    text = OUTPUTS["txt"].render(job(speaker), transcript).decode()
    assert text.count("SPEAKER: ") >= len(turns)


@given(transcripts().map(with_words), labels)
def test_channels_have_their_labels(transcript: Transcript, names: list[str]) -> None:
    results = said(transcript, "json-v2", {**CHANNELS, "channel_diarization_labels": names})["results"]
    for channel in transcript.channels:
        own = [result for result in results if result["channel"] == names[channel]]
        assert joined(own) == " ".join(word.text for segment in transcript.channel(channel) for word in segment.words)
    plain = said(transcript, "json-v2", CHANNELS)["results"]
    assert {result["channel"] for result in plain} <= {f"channel_{channel + 1}" for channel in transcript.channels}


@given(transcripts().map(with_words), labels)
def test_turns_of_version_1_follow_each_other_without_a_gap(transcript: Transcript, names: list[str]) -> None:
    speakers = said(transcript, "json", {**CHANNELS, "channel_diarization_labels": names})["speakers"]
    times = [(round(1000 * float(turn["time"])), round(1000 * float(turn["duration"]))) for turn in speakers]
    assert all(start + duration == following for (start, duration), (following, _) in pairwise(times))
    assert all(one["name"] != two["name"] for one, two in pairwise(speakers))
    if transcript.segments:
        assert sum(times[-1]) == max(segment.end_ms for segment in transcript.segments)
    turns = [(turn["name"], start, start + duration) for turn, (start, duration) in zip(speakers, times, strict=True)]
    for segment in transcript.segments:
        for word in segment.words:
            assert any(name == names[segment.channel] and a <= word.start_ms <= b for name, a, b in turns)


@given(transcripts(max_channels=1).map(with_words))
def test_numbers_of_version_1_are_decimal_strings(transcript: Transcript) -> None:
    written = said(transcript, "json")
    assert len(written["speakers"]) == bool(transcript.segments)
    assert "".join(word["name"] for word in written["words"]) == "".join(word.text for word in transcript.words)
    for span in written["words"]:
        assert re.fullmatch(r"\d+\.\d{6}", span["time"])
        assert re.fullmatch(r"\d+\.\d{6}", span["duration"])
        assert re.fullmatch(r"[01]\.\d{3}", span["confidence"])


@given(transcripts().map(with_words), st.sets(st.sampled_from(".,?!-\"'&<>")), st.sampled_from(list(OUTPUTS)))
def test_marks_that_are_not_permitted_are_nowhere(transcript: Transcript, marks: set[str], name: str) -> None:
    config = {"language": "en", "punctuation_overrides": {"permitted_marks": sorted(marks)}}
    told = output.shown(transcript, msgspec.json.decode(job(config).options, type=Options))
    for word in told.words:
        assert all(
            set(item.text) <= marks for item in items(word) if item.attaches_to and not set(item.text) & set("%#@&")
        )
    assert OUTPUTS[name].render(job(config), transcript) is not None


@given(transcripts().map(with_words))
def test_all_marks_are_permitted_unless_it_is_said_otherwise(transcript: Transcript) -> None:
    plain = OUTPUTS["json"].render(job(), transcript)
    for marks in (None, ["all"], [".", "all"]):
        config = {"language": "en", "punctuation_overrides": {"permitted_marks": marks}}
        assert OUTPUTS["json"].render(job(config), transcript) == plain


def test_no_permitted_mark_leaves_the_bare_words() -> None:
    config = {"language": "en", "punctuation_overrides": {"permitted_marks": []}}
    assert OUTPUTS["txt"].render(job(config), TRANSCRIPT) == b"Hello world It was the best of times\n"


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"language": "en"}, "The color of honour"),
        ({"language": "en", "output_locale": "en-GB"}, "The colour of honour"),
        ({"language": "en", "output_locale": "en-US"}, "The color of honor"),
        ({"language": "en", "output_locale": "en-AU"}, "The colour of honour"),
    ],
)
def test_the_locale_decides_the_spelling(config: dict[str, Any], text: str) -> None:
    transcript = replace(TRANSCRIPT, segments=(spoken("The color of honour"),))
    assert OUTPUTS["txt"].render(job(config), transcript).decode() == text + "\n"


def test_the_language_with_a_region_is_a_locale() -> None:
    transcript = replace(TRANSCRIPT, segments=(spoken("The color"),))
    told = Options(user_id=1, lang="en-GB", config=Raw(b'{"language": "en-GB"}'))
    british = job(options=msgspec.json.encode(told))
    assert OUTPUTS["txt"].render(british, transcript) == b"The colour\n"


def test_sentences_of_a_text_stay_whole_and_stand_in_the_order_in_which_they_begin() -> None:
    long = spoken("One two three. Four five six. Seven eight.", 0, 0, 0)
    transcript = Transcript("en", "scripted", 5_000, (0, 1), (long, spoken("Yes indeed.", 1, 900, 1)))
    assert OUTPUTS["txt"].render(job(CHANNELS), transcript).decode() == (
        "SPEAKER: channel_1\nOne two three.\n\nSPEAKER: channel_2\nYes indeed.\n\n"
        "SPEAKER: channel_1\nFour five six. Seven eight.\n"
    )


def dialogue() -> Transcript:
    segments = (spoken("Hello James.", 0, 100, 0), spoken("Hi!", 1, 1_300, 1), spoken("Bye.", 2, 3_723_450, 0))
    return Transcript("en", "scripted", 3_730_000, (0, 1), segments)


def test_text_and_subtitles_name_the_channels() -> None:
    config = {**CHANNELS, "channel_diarization_labels": ["Agent", "Caller"]}
    assert OUTPUTS["txt"].render(job(config), dialogue()).decode() == (
        "SPEAKER: Agent\nHello James.\n\nSPEAKER: Caller\nHi!\n\nSPEAKER: Agent\nBye.\n"
    )
    assert "\n[Caller] Hi!\n" in OUTPUTS["srt"].render(job(config), dialogue()).decode()


def test_the_alignment_has_times_in_both_forms() -> None:
    lines = output.alignment(job(), dialogue(), one_per_line=True).decode()
    assert lines == "[00:00:00.1]\tHello James.\n[00:00:01.3]\tHi!\n[01:02:03.4]\tBye.\n"
    words = output.alignment(job(), dialogue(), one_per_line=False).decode()
    assert words.splitlines()[0] == "<time=0.10>Hello<time=0.40> <time=0.50>James.<time=0.80>"


@given(transcripts())
def test_whatever_was_said_every_format_can_say_it(transcript: Transcript) -> None:
    for rendered in OUTPUTS.values():
        assert isinstance(rendered.render(job(), transcript), bytes)
    assert isinstance(output.alignment(job(), transcript, one_per_line=False), bytes)


def test_silence_has_nothing_in_it() -> None:
    silent = output.empty(job())
    assert said(silent, "json")["words"] == said(silent, "json")["speakers"] == said(silent, "json-v2")["results"] == []
    assert OUTPUTS["txt"].render(job(), silent) == b""


def test_meta_is_there_where_it_was_given() -> None:
    told = Options(user_id=1, lang="en", meta="asset-id=29309231123", config=Raw(b'{"language": "en"}'))
    with_meta = job(options=msgspec.json.encode(told))
    assert msgspec.json.decode(OUTPUTS["json-v2"].render(with_meta, TRANSCRIPT))["job"]["meta"] == told.meta
    assert "meta" not in said(TRANSCRIPT, "json-v2")["job"]


def news(url: str, form: str, of: Job, transcript: Transcript | None) -> Any:
    ordered = Callback(of.number, CallbackOrder(url, form), CallbackState.WAITING, 0, 0, 0)
    return callback.message(ordered, of, transcript)


@pytest.mark.parametrize(
    ("url", "posted"),
    [
        ("http://www.example.com/transcript_callback", "http://www.example.com/transcript_callback?id=546"),
        ("https://example.com/?a=b", "https://example.com/?a=b&id=546"),
    ],
)
@pytest.mark.parametrize("form", ["txt", "json", "json-v2"])
def test_the_callback_brings_the_transcript_as_data_file(url: str, posted: str, form: str) -> None:
    message = news(url, form, job(), TRANSCRIPT)
    assert message.url == posted
    assert dict(message.headers) == {"user-agent": "Speechmatics-API/1.0"}
    (part,) = message.parts
    assert part.name == "data_file"
    assert part.data == OUTPUTS[form].render(job(), TRANSCRIPT)
    assert part.filename == ("speech.txt" if form == "txt" else "speech.json")


def test_the_callback_of_a_job_without_a_transcript_says_so() -> None:
    for state in (JobState.REJECTED, JobState.FAILED, JobState.CANCELLED):
        message = news("http://example.com/x", "txt", job(state=state, remark=None), None)
        assert message.url == "http://example.com/x?id=546&status=error"
        assert message.parts == ()


def test_a_recording_without_a_sample_has_an_empty_transcript() -> None:
    nothing = job(state=JobState.REJECTED, remark=Remark("empty_audio", "The audio has no samples."))
    message = news("http://example.com/x", "txt", nothing, None)
    assert message.url == "http://example.com/x?id=546"
    assert message.parts[0].data == b""


@given(st.integers(0, 10**9))
def test_times_of_alignments_are_never_after_the_word(ms: int) -> None:
    segment = Segment(0, 0, ms, ms, "a", 1.0, (Word("a", ms, ms, 1.0),))
    line = output.alignment(job(), Transcript("en", "m", ms, (0,), (segment,)), one_per_line=True).decode()
    hours, minutes, seconds = re.findall(r"\[(\d+):(\d\d):(\d\d\.\d)\]", line)[0]
    told_ms = round(1000 * (3600 * int(hours) + 60 * int(minutes) + float(seconds)))
    assert 0 <= ms - told_ms < 100


def test_words_of_a_language_without_spaces_stand_together() -> None:
    words = (Word("今天", 0, 400, 1.0), Word("很好。", 400, 900, 1.0), Word("OK?", 900, 1_300, 1.0))
    chinese = Transcript("zh", "m", 2_000, (0,), (Segment(0, 0, 0, 1_300, "今天很好。OK?", 1.0, words),))
    assert OUTPUTS["txt"].render(job({"language": "zh"}), chinese).decode() == "今天很好。OK?\n"
    assert "今天很好。OK?" in OUTPUTS["srt"].render(job({"language": "zh"}), chinese).decode()
    results = said(chinese, "json-v2")["results"]
    assert [result["alternatives"][0]["content"] for result in results] == ["今天", "很好", "。", "OK", "?"]
    assert [result.get("is_eos") for result in results] == [None, None, True, None, True]
