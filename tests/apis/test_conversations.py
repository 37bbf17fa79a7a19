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
from dragoman.server.app import Application
from dragoman.server.settings import load_settings
from heard import heard
from scripted import ScriptedPool, application, client

pytestmark = pytest.mark.golden

FILES = sorted((Path(__file__).parent / "cases").glob("*/conversations/*.json"))
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def anonymous(content: object) -> Any:
    return json.loads(ID.sub("<id>", json.dumps(content)))


def audio(milliseconds: int) -> bytes:
    return bytes(16 * milliseconds)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[-3]}/{file.stem}")
async def test_the_conversation_is_the_documented_one(file: Path, tmp_path: Path) -> None:
    case = json.loads(file.read_text(encoding="utf-8"))
    assert case["source"]
    settings = load_settings({"spool_dir": tmp_path, **case.get("settings", {})}, environ={})
    pool = ScriptedPool(stream_steps=heard(case.get("heard", []), confidence=1.0))
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
