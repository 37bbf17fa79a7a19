"""Vocabularies and vocabulary filters that clients keep, used in their streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from asgi_duplex import AsgiDuplex, requesting
from dragoman.codecs.eventstream import Message, decode, encode
from dragoman.core.events import Final, Partial, SpeechStarted
from dragoman.server.app import Application
from dragoman.server.settings import Settings
from scripted import ScriptedPool, application, client, spoken

pytestmark = pytest.mark.unit

NEEDED = {"language-code": "en-US", "media-encoding": "pcm", "sample-rate": "8000"}
SAID = spoken("what a darn, thing.")


class Server:
    def __init__(self, app: Application, pool: ScriptedPool, calls: httpx.AsyncClient) -> None:
        self.app = app
        self.pool = pool
        self._calls = calls

    async def call(self, name: str, **members: Any) -> dict[str, Any]:
        reply = await self._calls.post("/", headers={"x-amz-target": f"Transcribe.{name}"}, json=members)
        assert reply.status_code == 200
        answer: dict[str, Any] = reply.json()
        return answer

    async def vocabulary(self, name: str, language: str, *phrases: str) -> None:
        """Looked at, whatever came of it."""
        await self.call("CreateVocabulary", VocabularyName=name, LanguageCode=language, Phrases=phrases)
        async with asyncio.timeout(20):
            while (await self.call("GetVocabulary", VocabularyName=name))["VocabularyState"] == "PENDING":
                await asyncio.sleep(0.01)

    async def filter(self, name: str, language: str, *words: str) -> None:
        await self.call("CreateVocabularyFilter", VocabularyFilterName=name, LanguageCode=language, Words=words)

    def stream(self, **options: str) -> AsgiDuplex:
        asked = NEEDED | {name.replace("_", "-"): value for name, value in options.items()}
        return AsgiDuplex(
            "/stream-transcription", {f"x-amzn-transcribe-{name}": value for name, value in asked.items()}
        )

    async def heard(self, **options: str) -> list[dict[str, Any]]:
        """The results of a stream."""
        async with requesting(self.app, self.stream(**options)) as request:
            assert await request.status() == 200
            request.end(encode(Message({})))
            results = []
            while frame := await request.hear():
                results += json.loads(decode(frame).payload)["Transcript"]["Results"]
        return results

    async def refused(self, **options: str) -> tuple[str, str]:
        """The name of the exception and its message."""
        async with requesting(self.app, self.stream(**options)) as request:
            request.end()
            assert await request.status() == 400
            body = json.loads(await request.hear())
        return body["__type"], body["Message"]


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[Server]:
    pool = ScriptedPool(stream_steps=[SpeechStarted(0, 0, 500), Partial(SAID), 100, Final(SAID)])
    app = application(Settings(spool_dir=folder, state_dir=folder), pool)
    async with client(app) as calls:
        yield Server(app, pool, calls)


async def test_a_vocabulary_reaches_the_recogniser(tmp_path: Path) -> None:
    async with server(tmp_path) as served:
        await served.vocabulary("products", "en-US", "blue-tulip")
        await served.heard(vocabulary_name="products")
        (stream,) = served.pool.streams
        assert [phrase.text for phrase in stream.request.vocabulary.phrases] == ["blue tulip"]


async def test_a_vocabulary_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    async with server(tmp_path) as served:
        await served.vocabulary("failed", "en-US", "two words")
        await served.vocabulary("british", "en-GB", "tulip")
        for name in ("missing", "failed", "british", "Products"):
            kind, message = await served.refused(vocabulary_name=name)
            assert kind == "BadRequestException"
            assert "ocabulary" in message
        assert served.pool.streams == []


async def test_a_recogniser_that_prefers_nothing_refuses_vocabularies(tmp_path: Path) -> None:
    async with server(tmp_path) as served:
        served.pool.phrases = False
        assert "vocabulary-name" in (await served.refused(vocabulary_name="products"))[1]


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ({}, "what a ***, thing."),
        ({"vocabulary_filter_method": "mask"}, "what a ***, thing."),
        ({"vocabulary_filter_method": "remove"}, "what a thing."),
        ({"vocabulary_filter_method": "tag"}, "what a darn, thing."),
    ],
)
async def test_a_filter_is_applied_by_its_method(tmp_path: Path, method: dict[str, str], text: str) -> None:
    async with server(tmp_path) as served:
        await served.filter("rude", "en-US", "darn")
        results = await served.heard(vocabulary_filter_name="rude", **method)
        assert {result["Alternatives"][0]["Transcript"] for result in results} == {text}


async def test_a_filter_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    async with server(tmp_path) as served:
        await served.filter("british", "en-GB", "darn")
        for name in ("missing", "british", "British"):
            kind, message = await served.refused(vocabulary_filter_name=name)
            assert kind == "BadRequestException"
            assert "vocabulary-filter-name" in message
