"""OpenAI's own Python package against this server, over a real socket."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.audio import TranscriptionDiarized

from dragoman.core.errors import UndecodableAudio, WorkerLost
from dragoman.core.request import SpeakerRequest
from dragoman.server.settings import Settings
from scripted import TRANSCRIPT, ScriptedPool, application, script, serving

pytestmark = pytest.mark.client

SECRET = "a-secret-that-is-long-enough"


@asynccontextmanager
async def client(folder: Path, pool: ScriptedPool | None = None, **more: Any) -> AsyncIterator[AsyncOpenAI]:
    settings = Settings(spool_dir=folder, **more)
    async with (
        serving(application(settings, pool or ScriptedPool()), settings) as url,
        AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as connected,
    ):
        yield connected


async def test_json_is_a_transcription(tmp_path: Path) -> None:
    async with client(tmp_path) as connected:
        heard = await connected.audio.transcriptions.create(file=("a.wav", b"audio"), model="whisper-1")
    assert heard.text == TRANSCRIPT.text
    assert heard.usage is not None
    assert heard.usage.type == "duration"
    assert heard.usage.seconds == 10


@pytest.mark.parametrize("file_format", ["text", "srt", "vtt"])
async def test_texts_are_strings(tmp_path: Path, file_format: Any) -> None:
    async with client(tmp_path) as connected:
        heard = await connected.audio.transcriptions.create(
            file=("a.wav", b"audio"), model="whisper-1", response_format=file_format
        )
    assert isinstance(heard, str)
    assert all(segment.text in heard for segment in TRANSCRIPT.segments)
    if file_format != "text":
        mark = {"srt": ",", "vtt": "."}[file_format]
        assert re.search(rf"\d\d:\d\d:\d\d{re.escape(mark)}\d{{3}} --> ", heard)


async def test_diarized_json_has_the_speaker_of_each_segment(tmp_path: Path) -> None:
    said = [
        replace(segment, words=tuple(replace(word, speaker=number) for word in segment.words))
        for number, segment in enumerate(TRANSCRIPT.segments)
    ]
    pool = ScriptedPool(script(replace(TRANSCRIPT, segments=tuple(said))))
    async with client(tmp_path, pool) as connected:
        heard = await connected.audio.transcriptions.create(
            file=("a.wav", b"audio"), model="whisper-1", response_format="diarized_json", chunking_strategy="auto"
        )
    assert isinstance(heard, TranscriptionDiarized)
    assert heard.duration == 10
    assert [(segment.speaker, segment.text) for segment in heard.segments] == [
        ("A", said[0].text),
        ("B", said[1].text),
    ]
    assert pool.requests[-1].speakers == SpeakerRequest()


async def test_verbose_json_has_words_and_segments(tmp_path: Path) -> None:
    async with client(tmp_path) as connected:
        heard = await connected.audio.transcriptions.create(
            file=("a.wav", b"audio"),
            model="whisper-1",
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
            language="en",
            prompt="A tale.",
            temperature=0.0,
        )
    assert (heard.language, heard.duration, heard.text) == ("english", 10.0, TRANSCRIPT.text)
    assert heard.words is not None
    assert heard.segments is not None
    assert [word.word for word in heard.words][:2] == ["Hello", "world"]
    assert [segment.text.strip() for segment in heard.segments] == [segment.text for segment in TRANSCRIPT.segments]
    assert [(segment.start, segment.end) for segment in heard.segments] == [
        (segment.start_ms / 1000, segment.end_ms / 1000) for segment in TRANSCRIPT.segments
    ]
    # What the model classes demand is all there: nothing was filled in by the client.
    assert all(segment.model_fields_set >= set(type(segment).model_fields) for segment in heard.segments)


async def test_a_stream_gives_deltas_and_then_the_whole(tmp_path: Path) -> None:
    async with client(tmp_path) as connected:
        stream = await connected.audio.transcriptions.create(
            file=("a.wav", b"audio"), model="gpt-4o-mini-transcribe", stream=True
        )
        events = [event async for event in stream]
    assert [event.type for event in events] == [
        "transcript.text.delta",
        "transcript.text.delta",
        "transcript.text.done",
    ]
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == TRANSCRIPT.text
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == TRANSCRIPT.text


async def test_a_stream_that_fails_raises(tmp_path: Path) -> None:
    pool = ScriptedPool([*script(TRANSCRIPT)[:2], WorkerLost("the recogniser was lost")])
    async with client(tmp_path, pool) as connected:
        stream = await connected.audio.transcriptions.create(file=("a.wav", b"audio"), model="whisper-1", stream=True)
        assert (await anext(stream)).type == "transcript.text.delta"
        with pytest.raises(openai.APIError, match="the recogniser was lost"):
            await anext(stream)


async def test_every_kind_of_file_is_taken(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    path = tmp_path / "grüße.wav"
    path.write_bytes(content)
    named = io.BytesIO(content)
    named.name = "named.flac"
    pool = ScriptedPool()
    async with client(tmp_path, pool) as connected:
        with path.open("rb") as opened:
            for file in (path, opened, content, named, ("a.mp3", content), ("a.mp3", content, "audio/mpeg")):
                await connected.audio.transcriptions.create(file=file, model="whisper-1")  # type: ignore[arg-type]
    assert pool.media == [content] * 6


async def test_the_synchronous_client_works_as_well(tmp_path: Path) -> None:
    async with client(tmp_path) as connected:
        url = str(connected.base_url)

        def use() -> tuple[str, list[str]]:
            with OpenAI(base_url=url, api_key="any", max_retries=0) as plain:
                heard = plain.audio.transcriptions.create(file=("a.wav", b"audio"), model="whisper-1")
                stream = plain.audio.transcriptions.create(file=("a.wav", b"audio"), model="whisper-1", stream=True)
                return heard.text, [event.type for event in stream]

        text, types = await asyncio.to_thread(use)
    assert text == TRANSCRIPT.text
    assert types[-1] == "transcript.text.done"


async def test_models_can_be_listed_and_retrieved(tmp_path: Path) -> None:
    async with client(tmp_path) as connected:
        names = [model.id async for model in await connected.models.list()]
        assert "whisper-1" in names
        for name in names:
            model = await connected.models.retrieve(name)
            assert (model.id, model.object) == (name, "model")
            heard = await connected.audio.transcriptions.create(file=("a.wav", b"audio"), model=name)
            assert heard.text == TRANSCRIPT.text
        with pytest.raises(openai.NotFoundError):
            await connected.models.retrieve("gpt-99")


async def test_a_wrong_key_is_an_authentication_error(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"alice {SECRET}\n")
    keys.chmod(0o600)
    async with client(tmp_path, keys_file=keys) as connected:
        with pytest.raises(openai.AuthenticationError) as caught:
            await connected.audio.transcriptions.create(file=("a.wav", b"audio"), model="whisper-1")
        assert caught.value.code == "invalid_api_key"
        with pytest.raises(openai.AuthenticationError):
            await connected.models.list()
        allowed = connected.with_options(api_key=SECRET)
        heard = await allowed.audio.transcriptions.create(file=("a.wav", b"audio"), model="whisper-1")
    assert heard.text == TRANSCRIPT.text


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"language": "klingon"}, "language"),
        ({"temperature": 7}, "temperature"),
        ({"response_format": "diarized_json", "stream": True}, "response_format"),
        ({"known_speaker_names": ["Anna"]}, "known_speaker_names[]"),
        ({"include": ["logprobs"]}, "include[]"),
        ({"keywords": ["tulip", "Привет"]}, "keywords[]"),
        ({"chunking_strategy": {"type": "server_vad"}}, "chunking_strategy[type]"),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities"),
        ({"extra_body": {"beam_size": 5}}, "beam_size"),
    ],
)
async def test_a_wrong_option_is_a_bad_request_that_names_it(tmp_path: Path, wrong: dict[str, Any], param: str) -> None:
    async with client(tmp_path) as connected:
        with pytest.raises(openai.BadRequestError) as caught:
            await connected.audio.transcriptions.create(**{"file": ("a.wav", b"audio"), "model": "whisper-1", **wrong})
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the package's own, of its translations
async def test_errors_have_their_classes(tmp_path: Path) -> None:
    async with client(tmp_path, ScriptedPool([UndecodableAudio()]), max_upload_mb=1) as connected:
        create = connected.audio.transcriptions.create
        with pytest.raises(openai.NotFoundError) as unknown:
            await create(file=("a.wav", b"audio"), model="gpt-99")
        assert unknown.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError) as undecodable:
            await create(file=("a.wav", b"audio"), model="whisper-1")
        assert undecodable.value.code == "undecodable_audio"
        with pytest.raises(openai.BadRequestError) as empty:
            await create(file=("a.wav", b""), model="whisper-1")
        assert empty.value.code == "empty_audio"
        with pytest.raises(openai.APIStatusError) as large:
            await create(file=("a.wav", bytes(20 << 20)), model="whisper-1")
        assert large.value.status_code == 413
        with pytest.raises(openai.BadRequestError, match="translate"):
            await connected.audio.translations.create(file=("a.wav", b"audio"), model="whisper-1")


async def test_a_full_house_is_worth_another_try(tmp_path: Path) -> None:
    gate = asyncio.Event()
    pool = ScriptedPool([gate, *ScriptedPool().steps])
    async with client(tmp_path, pool, max_concurrent_files=1) as connected:
        first = asyncio.create_task(connected.audio.transcriptions.create(file=("a.wav", b"audio"), model="whisper-1"))
        await pool.entered.acquire()
        with pytest.raises(openai.InternalServerError) as refused:
            await connected.audio.transcriptions.create(file=("a.wav", b"audio"), model="whisper-1")
        assert refused.value.status_code == 503
        gate.set()
        assert (await first).text == TRANSCRIPT.text
