"""Golden conversations: live streams message by message, each with the document that it comes from.

A file in ``cases/<dialect>/conversations`` is JSON:

``source``       document and section that the conversation follows
``settings``     differences from the defaults
``phrases``      false: the recogniser cannot prefer phrases
``capacity``     how many streams the recogniser can serve
``heard``        what the recogniser does, in this order: a number waits for so many milliseconds of audio;
                 ``{"partial": words}`` and ``{"final": words}``, lists of text, start, end and, if wanted, confidence
``websocket``    the path of a WebSocket, and then ``conversation``: ``{"send": JSON}``, ``{"send_text": …}``,
                 ``{"send_audio_ms": …}`` of 8 kHz, ``{"receive": JSON}``, ``{"closed": code}``
``http``         or requests, one after the other: ``method``, ``path``, ``json`` or ``audio_ms``; ``status``, ``reply``

Identifiers are new every time: ``<id>`` stands for any, and in a path for the one that came first.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from asgi_socket import AsgiSocket, connected
from dragoman.core.events import Final, Partial, SpeechEnded, SpeechStarted
from dragoman.core.transcript import Segment, Word
from dragoman.server.app import Application
from dragoman.server.settings import load_settings
from scripted import ScriptedPool, StreamStep, application, client

pytestmark = pytest.mark.golden

FILES = sorted((Path(__file__).parent / "cases").glob("*/conversations/*.json"))
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def heard(described: list[Any]) -> list[StreamStep]:
    steps: list[StreamStep] = []
    index = 0
    for step in described:
        match step:
            case int():
                steps.append(step)
            case {"partial": words}:
                said = segment(index, words)
                steps += [SpeechStarted(index, 0, said.start_ms), Partial(said)]
            case {"final": words}:
                said = segment(index, words)
                steps += [Final(said), SpeechEnded(index, 0, said.end_ms)]
                index += 1
    return steps


def segment(index: int, described: list[list[Any]]) -> Segment:
    words = tuple(Word(*word, *([1.0] if len(word) == 3 else [])) for word in described)
    text = " ".join(word.text for word in words)
    return Segment(index, 0, words[0].start_ms, words[-1].end_ms, text, 1.0, words)


def anonymous(content: object) -> Any:
    return json.loads(ID.sub("<id>", json.dumps(content)))


def audio(milliseconds: int) -> bytes:
    return bytes(16 * milliseconds)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[-3]}/{file.stem}")
async def test_the_conversation_is_the_documented_one(file: Path, tmp_path: Path) -> None:
    case = json.loads(file.read_text(encoding="utf-8"))
    assert case["source"]
    settings = load_settings({"spool_dir": tmp_path, **case.get("settings", {})}, environ={})
    pool = ScriptedPool(stream_steps=heard(case.get("heard", [])))
    pool.phrases = case.get("phrases", True)
    pool.stream_capacity = case.get("capacity", pool.stream_capacity)
    app = application(settings, pool)
    if "websocket" in case:
        await over_websocket(app, case["websocket"], case["conversation"])
    else:
        await over_http(app, case["http"])


async def over_websocket(app: Application, path: str, conversation: list[dict[str, Any]]) -> None:
    async with app.lifespan(None), connected(app, AsgiSocket(path)) as socket:
        assert (await socket.next())["type"] == "websocket.accept"
        for turn in conversation:
            match turn:
                case {"send": content}:
                    socket.say(json.dumps(content))
                case {"send_text": text}:
                    socket.say(text)
                case {"send_audio_ms": milliseconds}:
                    socket.say(audio(milliseconds))
                case {"receive": expected}:
                    assert anonymous(await socket.hear()) == expected
                case {"closed": code}:
                    assert await socket.closed() == code


async def over_http(app: Application, exchanges: list[dict[str, Any]]) -> None:
    first_id = ""
    async with client(app) as connected:
        for exchange in exchanges:
            reply = await connected.request(
                exchange["method"],
                exchange["path"].replace("<id>", first_id),
                json=exchange.get("json"),
                content=audio(exchange["audio_ms"]) if "audio_ms" in exchange else None,
            )
            assert reply.status_code == exchange["status"]
            said = reply.json() if reply.content else None
            assert anonymous(said) == exchange.get("reply")
            if not first_id and (found := ID.search(reply.text)):
                first_id = found[0]
