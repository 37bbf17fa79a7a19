"""Who speaks, over a real socket, with real decoding and worker processes: every dialect that says so says the same."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pytest

from noise import LOUD, QUIET, SILENT, noise_file

pytestmark = pytest.mark.model

JOBS = "/v1/user/1/jobs/"


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """One person, another, the first one again; on the second channel nobody."""
    parts = [(6.0, QUIET), (5.0, LOUD), (4.0, QUIET)]
    return noise_file(tmp_path_factory.mktemp("audio") / "talk.wav", parts, [(15.0, SILENT)]).read_bytes()


@pytest.fixture(scope="module")
def long_talk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Long enough to be shared among workers."""
    parts = [(20.0, QUIET), (20.0, LOUD)]
    return noise_file(tmp_path_factory.mktemp("audio") / "long.wav", parts).read_bytes()


def turns(labels: list[str]) -> list[str]:
    return [label for label, _ in groupby(labels)]


def transcript(server: httpx.Client, recording: bytes, **config: Any) -> list[dict[str, Any]]:
    """The results of a job."""
    written = {"type": "transcription", "transcription_config": {"language": "en", **config}}
    files = {"data_file": ("talk.wav", recording)}
    taken = server.post(JOBS, data={"config": json.dumps(written)}, files=files)
    assert taken.status_code == 200, taken.text
    job = f"{JOBS}{taken.json()['id']}"
    while (found := server.get(f"{job}/transcript?format=json-v2")).status_code == 404:
        assert server.get(job).json()["job"]["job_status"] in ("transcribing", "done")
    results: list[dict[str, Any]] = found.json()["results"]
    return results


def test_telecomx(server: httpx.Client, talk: bytes) -> None:
    said = server.post("/voice/stt", data={"diarize": "true"}, files={"file": ("talk.wav", talk)}).json()
    assert turns([word["speaker_id"] for word in said["words"]]) == ["speaker_0", "speaker_1", "speaker_0"]


def test_openai(server: httpx.Client, talk: bytes) -> None:
    asked = {"model": "whisper-1", "response_format": "diarized_json"}
    said = server.post("/v1/audio/transcriptions", data=asked, files={"file": ("talk.wav", talk)}).json()
    assert turns([segment["speaker"] for segment in said["segments"]]) == ["A", "B", "A"]
    assert said["text"] == " ".join(segment["text"] for segment in said["segments"])


@pytest.mark.parametrize(("recording", "expected"), [("talk", ["S1", "S2", "S1"]), ("long_talk", ["S1", "S2"])])
def test_speechmatics_speakers(
    server: httpx.Client, recording: str, expected: list[str], request: pytest.FixtureRequest
) -> None:
    results = transcript(server, request.getfixturevalue(recording), diarization="speaker")
    assert turns([result["alternatives"][0]["speaker"] for result in results]) == expected


@pytest.mark.parametrize(("sensitivity", "least", "most"), [(0.0, 0, 0), (0.4, 2, 2), (1.0, 3, 1_000)])
def test_speechmatics_changes_are_more_the_more_sensitive(
    server: httpx.Client, talk: bytes, sensitivity: float, least: int, most: int
) -> None:
    options = {"diarization": "channel_and_speaker_change", "speaker_change_sensitivity": sensitivity}
    results = transcript(server, talk, **options)
    changes = [result for result in results if result["type"] == "speaker_change"]
    assert least <= len(changes) <= most
    assert {result["channel"] for result in results} == {"channel_1"}
    words = [result for result in results if result["type"] != "speaker_change"]
    assert {result["alternatives"][0]["speaker"] for result in words} == {"UU"}
    assert {change["start_time"] for change in changes} <= {word["start_time"] for word in words}


def test_where_nobody_speaks_there_is_no_speaker(server: httpx.Client, tmp_path: Path) -> None:
    silence = noise_file(tmp_path / "silence.wav", [(3.0, SILENT)]).read_bytes()
    said = server.post("/voice/stt", data={"diarize": "true"}, files={"file": ("silence.wav", silence)})
    assert (said.status_code, said.json()["message"]) == (422, "file")
    asked = {"model": "whisper-1", "response_format": "diarized_json"}
    heard = server.post("/v1/audio/transcriptions", data=asked, files={"file": ("silence.wav", silence)})
    assert (heard.status_code, heard.json()["segments"]) == (200, [])
    assert transcript(server, silence, diarization="speaker") == []
    assert transcript(server, silence, diarization="speaker_change") == []


def test_a_single_word_has_one_speaker(server: httpx.Client, tmp_path: Path) -> None:
    word = noise_file(tmp_path / "word.wav", [(0.3, QUIET)]).read_bytes()
    said = server.post("/voice/stt", data={"diarize": "true"}, files={"file": ("word.wav", word)}).json()
    assert [word["speaker_id"] for word in said["words"]] == ["speaker_0"]
    (result,) = (each for each in transcript(server, word, diarization="speaker") if each["type"] == "word")
    assert result["alternatives"][0]["speaker"] == "S1"
    assert {each["type"] for each in transcript(server, word, diarization="speaker_change")} <= {"word", "punctuation"}
