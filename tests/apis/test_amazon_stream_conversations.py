"""Golden conversations of StartStreamTranscription, message by message, each with the document that it comes from.

A file in ``cases/amazon_transcribe/streams`` is JSON:

``source``       document and section that the conversation follows
``parameters``   besides language-code, media-encoding and sample-rate (8000), by name; null leaves one of them out
``heard``        what the recogniser does, as in ``test_conversations``; ``{"rested": n}`` in a partial: so many of its
                 words have come to rest
``reply``        status, headers and, if it is not 200, the exception and its message; for HTTP only
``conversation`` ``{"audio_ms": …}``, ``{"send": {"headers": …, "payload": …}}``, ``"empty message"``, ``"empty frame"``
                 (the end of the body, or a WebSocket message of no bytes), ``{"receive": Result}``,
                 ``{"exception": name, "message": …}``, ``{"closed": code}`` (what a WebSocket does; a body just ends)

Every conversation takes place over HTTP and, if it has no ``reply``, over a WebSocket. Identifiers are new every time:
``<id>`` stands for any.
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

import pytest

from asgi_duplex import AsgiDuplex, requesting
from asgi_socket import AsgiSocket, connected
from dragoman.codecs.eventstream import Message, decode, encode
from dragoman.server.app import Application
from dragoman.server.settings import load_settings
from heard import heard
from scripted import ScriptedPool, application

pytestmark = pytest.mark.golden

FOLDER = Path(__file__).parent / "cases" / "amazon_transcribe" / "streams"
CASES = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))}
NEEDED = {"language-code": "en-US", "media-encoding": "pcm", "sample-rate": "8000"}
PREFIX = "x-amzn-transcribe-"


def event(headers: dict[str, str], payload: bytes) -> bytes:
    return encode(Message({":message-type": "event", **headers}, payload))


class Line(Protocol):
    """One way to carry a conversation."""

    def say(self, data: bytes) -> None: ...

    def say_nothing(self) -> None: ...

    async def hear(self) -> bytes: ...

    async def over(self, code: int) -> None: ...


class Body:
    def __init__(self, request: AsgiDuplex) -> None:
        self._request = request

    def say(self, data: bytes) -> None:
        self._request.say(data)

    def say_nothing(self) -> None:
        self._request.end()

    async def hear(self) -> bytes:
        return await self._request.hear()

    async def over(self, code: int) -> None:
        self._request.end()
        assert await self._request.hear() == b""


class Frames:
    def __init__(self, socket: AsgiSocket) -> None:
        self._socket = socket

    def say(self, data: bytes) -> None:
        self._socket.say(data)

    def say_nothing(self) -> None:
        self._socket.say(b"")

    async def hear(self) -> bytes:
        message = await self._socket.next()
        assert message["type"] == "websocket.send", message
        data: bytes = message["bytes"]
        return data

    async def over(self, code: int) -> None:
        assert await self._socket.closed() == code


async def converse(line: Line, conversation: list[Any]) -> None:
    ids: set[str] = set()
    for turn in conversation:
        match turn:
            case {"audio_ms": milliseconds}:
                headers = {":event-type": "AudioEvent", ":content-type": "application/octet-stream"}
                line.say(event(headers, bytes(16 * milliseconds)))
            case {"send": {"headers": headers, "payload": payload}}:
                line.say(event(headers, payload.encode()))
            case "empty message":
                line.say(encode(Message({})))
            case "empty frame":
                line.say_nothing()
            case {"receive": expected}:
                message = decode(await line.hear())
                assert message.headers == {
                    ":event-type": "TranscriptEvent",
                    ":content-type": "application/json",
                    ":message-type": "event",
                }
                (result,) = json.loads(message.payload)["Transcript"]["Results"]
                ids.add(result["ResultId"])
                assert result | {"ResultId": "<id>"} == {"ResultId": "<id>", "LanguageCode": "en-US"} | expected
            case {"exception": name, "message": text}:
                message = decode(await line.hear())
                assert message.headers == {
                    ":exception-type": name,
                    ":content-type": "application/json",
                    ":message-type": "exception",
                }
                assert json.loads(message.payload) == {"Message": text}
            case {"closed": code}:
                await line.over(code)
    finals = sum("receive" in turn and not turn["receive"]["IsPartial"] for turn in conversation)
    assert len(ids) == finals or not finals


def app_for(case: dict[str, Any], folder: Path) -> tuple[Application, dict[str, str]]:
    assert case["source"]
    settings = load_settings({"spool_dir": folder, "state_dir": folder}, environ={})
    asked = {name: value for name, value in (NEEDED | case.get("parameters", {})).items() if value is not None}
    return application(settings, ScriptedPool(stream_steps=heard(case.get("heard", []), confidence=0.9))), asked


@pytest.mark.parametrize("name", CASES)
async def test_over_http(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    app, asked = app_for(case, tmp_path)
    request = AsgiDuplex("/stream-transcription", {PREFIX + name: value for name, value in asked.items()})
    async with app.lifespan(None), requesting(app, request):
        expected = case.get("reply", {"status": 200, "headers": {}})
        assert await request.status() == expected["status"]
        assert (
            expected.get("headers", {}).items()
            <= {
                name: "<id>" if value.count("-") == 4 or value.startswith("req_") else value
                for name, value in request.headers.items()
            }.items()
        )
        if expected["status"] == 200:
            await converse(Body(request), case.get("conversation", []))
        else:
            assert request.headers["x-amzn-errortype"] == expected["exception"]
            request.end()
            body = json.loads(await request.hear())
            assert (body["__type"], body["Message"]) == (expected["exception"], expected["message"])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "reply" not in case])
async def test_over_a_websocket(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    app, asked = app_for(case, tmp_path)
    socket = AsgiSocket(f"/stream-transcription-websocket?{urlencode(asked)}")
    async with AsyncExitStack() as open_things:
        await open_things.enter_async_context(app.lifespan(None))
        await open_things.enter_async_context(connected(app, socket))
        assert (await socket.next())["type"] == "websocket.accept"
        await converse(Frames(socket), case["conversation"])
