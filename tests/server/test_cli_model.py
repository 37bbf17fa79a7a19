"""The command line with the real recogniser, on real recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from command import Dragoman

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def dragoman(tmp_path_factory: pytest.TempPathFactory) -> Dragoman:
    return Dragoman(tmp_path_factory.mktemp("command"), engine="moonshine")


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def test_what_was_said_is_written(dragoman: Dragoman, sample: Callable[[str], Path]) -> None:
    result = dragoman("transcribe", sample("two_cities"))
    assert (result.returncode, result.stderr) == (0, "")
    said = " ".join(words(result.stdout))
    assert "it was the best of times it was the worst of times" in said
    assert "the age of wisdom" in said


def test_json_has_every_word_with_its_time_inside_the_recording(
    dragoman: Dragoman, sample: Callable[[str], Path]
) -> None:
    read = json.loads(dragoman("transcribe", "--format", "json", sample("beckett")).stdout)
    found = [word for segment in read["segments"] for word in segment["words"]]
    assert {"tried", "failed", "again", "better"} <= set(words(read["text"]))
    assert " ".join(word["text"] for word in found) == read["text"]
    assert all(0 <= word["start_ms"] < word["end_ms"] <= read["duration_ms"] for word in found)
    assert all(first["end_ms"] <= second["start_ms"] for first, second in pairwise(found))
    assert all(0 <= word["confidence"] <= 1 for word in found)


def test_subtitles_of_real_speech_can_be_read(
    dragoman: Dragoman, sample: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    recordings = [sample("two_cities"), sample("endgame_nagg_nell")]
    assert dragoman("transcribe", "--format", "vtt", "--output", out, *recordings).returncode == 0
    for recording in recordings:
        heading, *cues = (out / f"{recording.stem}.vtt").read_text(encoding="utf-8").removesuffix("\n").split("\n\n")
        assert heading == "WEBVTT"
        assert len(cues) > 5
        assert all(len(line) <= 42 for cue in cues for line in cue.split("\n")[1:])


def test_a_sound_machine_passes_its_examination(dragoman: Dragoman) -> None:
    result = dragoman("doctor", env={"DRAGOMAN_PORT": "0"})
    assert result.returncode == 0, result.stdout
    assert re.search(
        r"^ok: profile default: \d+ s of speech recognised at \d+ x real time$", result.stdout, re.MULTILINE
    )


def test_two_people_are_told_apart(dragoman: Dragoman, sample: Callable[[str], Path]) -> None:
    options = ("--diarize", "--speakers", "2", "--format", "json")
    read = json.loads(dragoman("transcribe", *options, sample("endgame_nagg_nell")).stdout)
    plain = json.loads(dragoman("transcribe", "--format", "json", sample("endgame_nagg_nell")).stdout)
    assert read["text"] == plain["text"]
    assert {segment["speaker"] for segment in read["segments"]} == {0, 1}
