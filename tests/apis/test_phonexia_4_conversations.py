"""Golden conversations about tasks of Phonexia Speech Platform 4, each with the document that it comes from.

A file in ``cases/phonexia_4/tasks`` is JSON:

``source``      document and section that the conversation follows
``settings``    differences from the defaults
``languages``   of the model
``transcript``  what the recogniser hears (see ``heard.transcript``), or ``fails``: the code of an error and its message
``exchanges``   one after the other: ``method``, ``path``, ``fields`` (a list of name and value), ``file`` (its name),
                ``headers``; ``status``, ``reply``, and ``reply_headers``, those that matter. It is asked again for as
                long as the task is in one of the states of ``while``. If there is one, only ``{"release": true}`` lets
                the recogniser finish

Identifiers are new every time: ``<id>`` stands for any, and in a path for the one that came first.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from dragoman.core.errors import by_code
from dragoman.server.settings import load_settings
from heard import transcript
from scripted import ScriptedPool, Step, application, client, script

pytestmark = pytest.mark.golden

FILES = sorted((Path(__file__).parent / "cases/phonexia_4/tasks").glob("*.json"))
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
AT_MOST_S = 20


def anonymous(content: object) -> Any:
    return json.loads(ID.sub("<id>", json.dumps(content)))


def steps(case: dict[str, Any], released: asyncio.Event) -> list[Step]:
    if "fails" in case:
        return [by_code(*case["fails"])]
    if not any("release" in exchange for exchange in case["exchanges"]):
        released.set()
    opened, *others = script(transcript(case.get("transcript")))
    return [opened, released, *others]


async def ask(connected: httpx.AsyncClient, exchange: dict[str, Any], first_id: str) -> httpx.Response:
    parts: list[tuple[str, Any]] = [(field, (None, value.encode())) for field, value in exchange.get("fields", [])]
    parts += [("file", (exchange["file"], b"audio"))] if "file" in exchange else []
    while True:
        reply = await connected.request(
            exchange["method"],
            exchange["path"].replace("<id>", first_id),
            files=parts or None,
            headers=exchange.get("headers"),
        )
        if "while" not in exchange or reply.json()["task"]["state"] not in exchange["while"]:
            return reply


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_conversation_is_the_documented_one(file: Path, tmp_path: Path) -> None:
    case = json.loads(file.read_text(encoding="utf-8"))
    assert case["source"]
    settings = load_settings(
        {"spool_dir": tmp_path, "state_dir": tmp_path, "rate_limit": "none", **case.get("settings", {})}, environ={}
    )
    released = asyncio.Event()
    pool = ScriptedPool(steps(case, released), tuple(case.get("languages", ["en"])))
    first_id = ""
    async with asyncio.timeout(AT_MOST_S), client(application(settings, pool)) as connected:
        for exchange in case["exchanges"]:
            if "release" in exchange:
                released.set()
                continue
            reply = await ask(connected, exchange, first_id)
            assert reply.status_code == exchange["status"], reply.text
            assert anonymous(reply.json()) == exchange["reply"]
            for name, value in exchange.get("reply_headers", {}).items():
                assert ID.sub("<id>", reply.headers[name]) == value, name
            if not first_id and (found := ID.search(reply.text)):
                first_id = found[0]
