"""Golden conversations: calls of JSON 1.1 one after the other, each with the document that it comes from.

A file in ``cases/amazon_transcribe/calls`` is JSON:

``source``   document and section that the conversation follows
``files``    what lies in the object store: path → text
``steps``    ``call``, ``send`` (a JSON body) or ``send_text``; ``status`` and ``reply``. With ``until``, a state, the
             call is repeated until the reply has another. Or ``get``, a member of the reply before, an address, and the
             ``text`` that is there

In a reply ``<time>`` stands for the seconds of now, ``<address>`` for an address of this server, ``<token>`` for any
text, which then takes the place of ``<token>`` in a request, and ``<…text…>`` for any that contains the text.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from dragoman.server.settings import Settings
from scripted import ScriptedPool, application, client

pytestmark = pytest.mark.golden

FILES = sorted((Path(__file__).parent / "cases" / "amazon_transcribe" / "calls").glob("*.json"))


def matches(expected: Any, found: Any, kept: dict[str, str]) -> bool:
    match expected, found:
        case "<time>", float() | int():
            return abs(found - time.time()) < 60
        case "<address>", str():
            return found.startswith("http://test/transcribe/")
        case "<token>", str():
            kept["<token>"] = found
            return bool(found)
        case str(), str() if expected.startswith("<…"):
            return expected.strip("<…>") in found
        case dict(), dict():
            return expected.keys() == found.keys() and all(matches(expected[key], found[key], kept) for key in expected)
        case list(), list():
            return len(expected) == len(found) and all(
                matches(one, other, kept) for one, other in zip(expected, found, strict=True)
            )
        case _:
            return type(expected) is type(found) and expected == found


async def call(connected: httpx.AsyncClient, step: dict[str, Any], kept: dict[str, str]) -> httpx.Response:
    body = step.get("send_text", json.dumps(step.get("send", {})))
    for placeholder, value in kept.items():
        body = body.replace(placeholder, value)
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"Transcribe.{step['call']}"}
    return await connected.post("/", content=body, headers=headers)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_conversation_is_the_documented_one(file: Path, tmp_path: Path) -> None:
    case = json.loads(file.read_text(encoding="utf-8"))
    assert case["source"]
    for path, text in case.get("files", {}).items():
        (tmp_path / "objects" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "objects" / path).write_text(text, encoding="utf-8")
    settings = Settings(spool_dir=tmp_path, state_dir=tmp_path, object_store_url=(tmp_path / "objects").as_uri())
    kept: dict[str, str] = {}
    async with client(application(settings, ScriptedPool())) as connected:
        reply = None
        for step in case["steps"]:
            if "get" in step:
                assert reply is not None
                fetched = await connected.get(reply.json()[step["get"]])
                assert (fetched.status_code, fetched.text) == (200, step["text"])
                continue
            reply = await call(connected, step, kept)
            async with asyncio.timeout(20):
                while "until" in step and reply.json()["VocabularyState"] == step["until"]:
                    await asyncio.sleep(0.01)
                    reply = await call(connected, step, kept)
            assert reply.status_code == step.get("status", 200), reply.text
            assert matches(step.get("reply", {}), reply.json(), kept), reply.text
            assert reply.headers["x-amzn-requestid"]
            if reply.status_code != 200:
                assert reply.headers["x-amzn-errortype"] == step["reply"]["__type"]
