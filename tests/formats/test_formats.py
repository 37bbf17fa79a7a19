"""Laws of the output formats: what was written can be read back, whatever was said."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given

from dragoman.core.transcript import Character, Segment, SpeakerChange, Transcript, Word
from dragoman.formats import FORMATS
from strategies import diarized, transcripts

pytestmark = pytest.mark.unit

SILENCE = Transcript("en", "model", 60_000, (0,), ())
CUE = re.compile(r"^(\d{2,}):([0-5]\d):([0-5]\d)[.,](\d{3}) --> (\d{2,}):([0-5]\d):([0-5]\d)[.,](\d{3})$")


def words_of(transcript: Transcript) -> dict[int, list[str]]:
    """Per channel that says anything, the words in order."""
    said = {channel: " ".join(s.text for s in transcript.channel(channel)).split() for channel in transcript.channels}
    return {channel: words for channel, words in said.items() if words}


def letters_of(said: dict[int, list[str]]) -> dict[int, str]:
    return {channel: "".join(words) for channel, words in said.items()}


def blocks_of(subtitles: str) -> list[list[str]]:
    return [block.split("\n") for block in subtitles.removesuffix("\n").split("\n\n")]


def ms(hours: str, minutes: str, seconds: str, milliseconds: str) -> int:
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(milliseconds)


@given(transcripts())
def test_every_format_ends_its_last_line_with_a_line_feed(transcript: Transcript) -> None:
    for render in FORMATS.values():
        text = render(transcript)
        assert "\r" not in text
        assert text == "" or text.endswith("\n")


@given(transcripts())
def test_txt_has_a_line_per_segment(transcript: Transcript) -> None:
    lines = FORMATS["txt"](transcript).splitlines() if transcript.segments else []
    several = len(transcript.channels) > 1
    assert len(lines) == len(transcript.segments)
    for line, segment in zip(lines, transcript.segments, strict=True):
        assert line == (f"[channel {segment.channel}] " if several else "") + segment.text


def name(channels: int, segment: Segment) -> str:
    """Of who says a segment."""
    parts = [f"channel {segment.channel}"] if channels > 1 else []
    return ", ".join(parts if segment.speaker is None else [*parts, f"speaker {segment.speaker}"])


@given(diarized())
def test_txt_names_the_speaker_of_every_line(transcript: Transcript) -> None:
    lines = FORMATS["txt"](transcript).splitlines() if transcript.segments else []
    for line, segment in zip(lines, transcript.segments, strict=True):
        who = name(len(transcript.channels), segment)
        assert line == (f"[{who}] " if who else "") + segment.text


@given(diarized())
def test_subtitles_name_the_speaker_of_every_cue(transcript: Transcript) -> None:
    srt = Counter(re.findall(r"(?m)^\[((?:channel \d+)?(?:, )?(?:speaker \d+)?)\] ", FORMATS["srt"](transcript)))
    vtt = Counter(match.lower() for match in re.findall(r"(?m)^<v ([^>]*)>", FORMATS["vtt"](transcript)))
    assert set(srt) == set(vtt) == {name(len(transcript.channels), s) for s in transcript.segments} - {""}


@given(diarized())
def test_tsv_and_json_have_the_number_of_the_speaker(transcript: Transcript) -> None:
    heading, *rows = (line.split("\t") for line in FORMATS["tsv"](transcript).split("\n")[:-1])
    speakers = [segment.speaker for segment in transcript.segments]
    told = any(speaker is not None for speaker in speakers)
    assert ("speaker" in heading) == told
    if told:
        assert [row[3] for row in rows] == ["" if speaker is None else str(speaker) for speaker in speakers]
    assert [segment.get("speaker") for segment in json.loads(FORMATS["json"](transcript))["segments"]] == speakers


def test_json_has_the_changes_of_the_speaker() -> None:
    changes = (SpeakerChange(100), SpeakerChange(200, 1))
    read = json.loads(FORMATS["json"](replace(SILENCE, changes=changes)))
    assert read["changes"] == [{"at_ms": 100, "channel": 0}, {"at_ms": 200, "channel": 1}]


@given(transcripts())
def test_tsv_has_four_columns_and_the_times_of_each_segment(transcript: Transcript) -> None:
    heading, *rows = (line.split("\t") for line in FORMATS["tsv"](transcript).split("\n")[:-1])
    assert heading == ["start_ms", "end_ms", "channel", "text"]
    assert rows == [[str(s.start_ms), str(s.end_ms), str(s.channel), s.text] for s in transcript.segments]


@given(transcripts())
def test_json_holds_the_transcript_on_one_line(transcript: Transcript) -> None:
    text = FORMATS["json"](transcript)
    assert text.count("\n") == 1
    read = json.loads(text)
    assert (read["duration_ms"], tuple(read["channels"]), read["text"]) == (
        transcript.duration_ms,
        transcript.channels,
        transcript.text,
    )
    for found, segment in zip(read["segments"], transcript.segments, strict=True):
        assert (found["start_ms"], found["end_ms"], found["text"]) == (segment.start_ms, segment.end_ms, segment.text)
        assert [(w["text"], w["start_ms"], w["end_ms"]) for w in found["words"]] == [
            (w.text, w.start_ms, w.end_ms) for w in segment.words
        ]


def test_json_holds_characters_where_there_are_any() -> None:
    word = Word("Hi", 10, 30, 0.5, (Character("H", 10, 20), Character("i", 20, 30)))
    transcript = Transcript("en", "model", 40, (0,), (Segment(0, 0, 10, 30, "Hi", 0.5, (word, Word("a", 30, 31, 1))),))
    first, second = json.loads(FORMATS["json"](transcript))["segments"][0]["words"]
    assert first["characters"] == [
        {"text": "H", "start_ms": 10, "end_ms": 20},
        {"text": "i", "start_ms": 20, "end_ms": 30},
    ]
    assert "characters" not in second


@given(transcripts())
def test_srt_can_be_read_back(transcript: Transcript) -> None:
    text = FORMATS["srt"](transcript)
    several = len(transcript.channels) > 1
    said: dict[int, list[str]] = defaultdict(list)
    for number, (count, times, *lines) in enumerate(blocks_of(text) if text else [], start=1):
        assert int(count) == number
        assert CUE.match(times)
        channel, label = 0, re.match(r"\[channel (\d+)\] ", lines[0])
        if several:
            assert label
            channel, lines[0] = int(label[1]), lines[0][label.end() :]
        assert 1 <= len(lines) <= 2
        assert all(lines)
        said[channel] += " ".join(lines).split()
    expected = {channel: [w.replace("-->", "→") for w in words] for channel, words in words_of(transcript).items()}
    assert letters_of(said) == letters_of(expected)


@given(transcripts())
def test_vtt_can_be_read_back(transcript: Transcript) -> None:
    heading, *blocks = blocks_of(FORMATS["vtt"](transcript))
    assert heading == ["WEBVTT"]
    several = len(transcript.channels) > 1
    said: dict[int, list[str]] = defaultdict(list)
    starts = []
    for times, *lines in blocks:
        matched = CUE.match(times)
        assert matched
        starts.append(ms(*matched.groups()[:4]))
        assert starts[-1] < ms(*matched.groups()[4:])
        voice = re.match(r"<v Channel (\d+)>", lines[0])
        assert bool(voice) == several
        payload = "\n".join(lines)[voice.end() if voice else 0 :]
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", payload)
        said[int(voice[1]) if voice else 0] += (
            payload.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").split()
        )
    assert starts == sorted(starts)
    assert letters_of(said) == letters_of(words_of(transcript))


@pytest.mark.parametrize(
    ("name", "text"),
    [("txt", ""), ("srt", ""), ("vtt", "WEBVTT\n"), ("tsv", "start_ms\tend_ms\tchannel\ttext\n")],
)
def test_silence_is_a_valid_document(name: str, text: str) -> None:
    assert FORMATS[name](SILENCE) == text


def test_silence_is_valid_json() -> None:
    assert json.loads(FORMATS["json"](SILENCE))["segments"] == []
