"""OpenAI: laws of its replies and streams."""

from __future__ import annotations

import asyncio
import string
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.apis.openai import translate
from dragoman.core.errors import DragomanError, UndecodableAudio, WorkerLost
from dragoman.core.events import Opened
from dragoman.core.request import SpeakerRequest, TimeDetail
from dragoman.core.transcript import Segment, Transcript, Word
from dragoman.server.settings import Settings
from dragoman.transport.form import Form
from scripted import TRANSCRIPT, ScriptedPool, application, client, script
from strategies import transcripts

pytestmark = pytest.mark.unit

MODELS = {"whisper-1": "default", "accurate": "accurate"}
FILE = {"file": ("speech.wav", b"audio")}
PATH = "/v1/audio/transcriptions"


def asked(**fields: str) -> translate.Asked:
    return translate.request(Form({name: (value,) for name, value in {"model": "whisper-1", **fields}.items()}), MODELS)


def events(body: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line.removeprefix("data: ")) for line in body.split("\n\n") if line]


@given(transcripts(max_channels=1), st.sampled_from(translate.RESPONSE_FORMATS))
def test_every_format_says_the_same_text(transcript: Transcript, response_format: str) -> None:
    reply = translate.reply(transcript, asked(response_format=response_format))
    assert reply.status == 200
    if response_format in ("json", "verbose_json"):
        assert msgspec.json.decode(reply.body)["text"] == transcript.text
    elif response_format == "text":
        assert reply.body.decode() == transcript.text + "\n"


@given(transcripts(max_channels=1))
def test_segments_and_deltas_join_to_the_text(transcript: Transcript) -> None:
    verbose = msgspec.json.decode(translate.reply(transcript, asked(response_format="verbose_json")).body)
    assert "".join(segment["text"] for segment in verbose["segments"]).removeprefix(" ") == transcript.text
    before = ["", *(segment.text for segment in transcript.segments)]
    deltas = [translate.delta(segment, told) for segment, told in zip(transcript.segments, before, strict=False)]
    assert "".join(delta.delta for delta in deltas) == transcript.text


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({}, TimeDetail.SEGMENT),
        ({"response_format": "text"}, TimeDetail.SEGMENT),
        ({"response_format": "srt"}, TimeDetail.WORD),
        ({"response_format": "verbose_json"}, TimeDetail.SEGMENT),
        ({"response_format": "verbose_json", "timestamp_granularities[]": "word"}, TimeDetail.WORD),
    ],
)
def test_words_are_timed_only_where_their_times_are_used(fields: dict[str, str], detail: TimeDetail) -> None:
    assert asked(**fields).recognition.time_detail is detail


async def stream(tmp_path: Path, pool: ScriptedPool) -> httpx.Response:
    async with client(application(Settings(spool_dir=tmp_path), pool)) as connected:
        return await connected.post(PATH, data={"model": "whisper-1", "stream": "true"}, files=FILE)


async def test_an_error_before_the_first_words_has_its_status(tmp_path: Path) -> None:
    reply = await stream(tmp_path, ScriptedPool([UndecodableAudio("not audio")]))
    assert reply.status_code == 400
    assert reply.json()["error"]["message"] == "not audio"


@pytest.mark.parametrize(
    ("error", "code"),
    [(WorkerLost("lost"), "internal_error"), (ZeroDivisionError("a secret detail"), "internal_error")],
)
async def test_an_error_after_words_were_sent_is_an_event(tmp_path: Path, error: Exception, code: str) -> None:
    reply = await stream(tmp_path, ScriptedPool([*script(TRANSCRIPT)[:2], error]))
    first, last = events(reply.text)
    assert reply.status_code == 200
    assert first["type"] == "transcript.text.delta"
    assert last["error"]["code"] == code
    assert "secret" not in reply.text


@pytest.mark.parametrize("error", [UndecodableAudio("no"), ZeroDivisionError("a secret detail")])
@pytest.mark.parametrize("streamed", ["true", "false"])
async def test_an_error_frees_its_instance_and_its_file(tmp_path: Path, error: Exception, streamed: str) -> None:
    pool = ScriptedPool([Opened(1_000, (0,)), error])
    app = application(Settings(spool_dir=tmp_path, max_concurrent_files=1), pool)
    async with client(app) as connected:
        for _ in range(3):
            reply = await connected.post(PATH, data={"model": "whisper-1", "stream": streamed}, files=FILE)
            assert reply.status_code == (400 if isinstance(error, DragomanError) else 500)
            assert not any(path.exists() for path in pool.paths)
    assert pool.running == 0


async def test_words_are_sent_as_they_are_recognised(tmp_path: Path) -> None:
    """The first delta is out while the recogniser still works on the second."""
    from scripted import serving

    gate = asyncio.Event()
    steps = script(TRANSCRIPT)
    settings = Settings(spool_dir=tmp_path)
    app = application(settings, ScriptedPool([*steps[:2], gate, *steps[2:]]))
    async with (
        serving(app, settings) as url,
        httpx.AsyncClient() as connected,
        connected.stream("POST", url + PATH, data={"model": "whisper-1", "stream": "true"}, files=FILE) as reply,
    ):
        pieces = reply.aiter_text()
        first = await anext(pieces)
        assert events(first) == [{"type": "transcript.text.delta", "delta": TRANSCRIPT.segments[0].text}]
        gate.set()
        rest = "".join([piece async for piece in pieces])
    assert events(rest)[-1] == {"type": "transcript.text.done", "text": TRANSCRIPT.text}


@given(st.integers(0, 2_000))
def test_speakers_are_lettered_as_the_columns_of_a_table_are(speaker: int) -> None:
    words = (Word("Yes.", 0, 100, 1.0, (), speaker),)
    told = Transcript("en", "m", 1_000, (0,), (Segment(0, 0, 0, 100, "Yes.", 1.0, words),))
    wanted = asked(response_format="diarized_json")
    assert wanted.recognition.speakers == SpeakerRequest()
    label = msgspec.json.decode(translate.reply(told, wanted).body)["segments"][0]["speaker"]
    number = 0
    for letter in label:
        number = 26 * number + string.ascii_uppercase.index(letter) + 1
    assert number == speaker + 1
