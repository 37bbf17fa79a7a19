"""Phonexia Speech Platform 4: laws of its operations, over the whole application."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from dragoman.core.request import ChannelMode, ChannelSelection, DictionaryWord, Phrase, TimeDetail
from dragoman.server.settings import Settings
from scripted import ScriptedPool, application, client

pytestmark = pytest.mark.unit

PATH = "/api/technology/speech-to-text"
START = f"{PATH}?language=en"
FILE = {"file": ("call.wav", b"audio")}
KEYS = {"alice": "a-secret-that-is-long-enough", "bob": "another-secret-of-that-length"}


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(spool_dir=folder, state_dir=folder, **{"rate_limit": "none", **more})


def with_keys(folder: Path, **more: Any) -> Settings:
    keys = folder / "keys"
    keys.write_text("".join(f"{name} {secret}\n" for name, secret in KEYS.items()))
    keys.chmod(0o600)
    return settings(folder, keys_file=keys, **more)


async def ended(connected: httpx.AsyncClient, started: httpx.Response, **more: Any) -> dict[str, Any]:
    assert started.status_code == 202, started.text
    async with asyncio.timeout(20):
        while True:
            body: dict[str, Any] = (await connected.get(started.headers["x-location"], **more)).json()
            if body["task"]["state"] not in ("pending", "running"):
                return body


def left(folder: Path) -> list[Path]:
    """Recordings that are still on the disk."""
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes() == b"audio"]


@pytest.mark.parametrize(
    ("query", "channels"),
    [
        ("", ChannelSelection(ChannelMode.SPLIT)),
        ("&channel_mode=mix", ChannelSelection(ChannelMode.MIX)),
        ("&channel_mode=split&channels=0,2", ChannelSelection(ChannelMode.SPLIT, (0, 2))),
        ("&channel_mode=mix&channels=1", ChannelSelection(ChannelMode.MIX, (1,))),
        ("&channels=", ChannelSelection(ChannelMode.SPLIT)),
    ],
)
async def test_what_is_asked_reaches_the_recogniser(tmp_path: Path, query: str, channels: ChannelSelection) -> None:
    pool = ScriptedPool()
    config = {
        "preferred_phrases": ["say Disentu"],
        "additional_words": [{"spelling": "Disentu", "pronunciations": ["d I z E n t u:"]}],
    }
    async with client(application(settings(tmp_path), pool)) as connected:
        started = await connected.post(START + query, files=FILE, data={"config": json.dumps(config)})
        assert (await ended(connected, started))["task"]["state"] == "done"
    (asked,) = pool.requests
    assert (asked.language, asked.time_detail, asked.channels) == ("en", TimeDetail.WORD, channels)
    assert asked.vocabulary.phrases == (Phrase("say Disentu"),)
    assert asked.vocabulary.words == (DictionaryWord("Disentu", (("D", "IH", "Z", "EH", "N", "T", "UW"),)),)
    assert pool.media == [b"audio"]


@pytest.mark.parametrize("tag", ["en-GB", "EN", "eng", "en-x-calls"])
async def test_a_model_of_the_language_stands_in_for_the_region(tmp_path: Path, tag: str) -> None:
    async with client(application(settings(tmp_path), ScriptedPool())) as connected:
        started = await connected.post(PATH, params={"language": tag}, files=FILE)
        assert (await ended(connected, started))["task"]["state"] == "done"


async def test_a_task_is_there_for_its_key_alone(tmp_path: Path) -> None:
    alice, bob = ({"authorization": f"Bearer {secret}"} for secret in KEYS.values())
    async with client(application(with_keys(tmp_path), ScriptedPool())) as connected:
        started = await connected.post(START, files=FILE, headers=alice)
        assert (await ended(connected, started, headers=alice))["task"]["state"] == "done"
        path = started.headers["x-location"]
        assert (await connected.get(path, headers={"x-api-key": KEYS["alice"]})).status_code == 200
        foreign = await connected.get(path, headers=bob)
        assert (foreign.status_code, foreign.json()["type"]) == (404, "resource.not-found")
        unknown = await connected.get(f"{PATH}/123e4567-e89b-12d3-a456-426614174000", headers=bob)
        assert foreign.content == unknown.content


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer guessed"}, {"x-api-key": "guessed"}])
async def test_without_a_valid_key_nothing_is_taken(tmp_path: Path, headers: dict[str, str]) -> None:
    pool = ScriptedPool()
    async with client(application(with_keys(tmp_path), pool), headers) as connected:
        for refused in (
            await connected.post(START, files=FILE),
            await connected.get(f"{PATH}/123e4567-e89b-12d3-a456-426614174000"),
        ):
            assert (refused.status_code, refused.json()["type"]) == (403, "request.forbidden")
            assert refused.json()["detail"][0]["type"] == "authentication.key-invalid"
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("query", "files", "data"),
    [
        ("language=en", FILE, {"config": "{"}),
        ("language=en", FILE, {"config": '{"additional_words": [{"spelling": "ж"}]}'}),
        ("language=en", FILE, {"confg": "{}"}),
        ("language=en&chanels=0", FILE, {}),
        ("language=xx", FILE, {}),
        ("language=en", {"file": ("call.wav", b"")}, {}),
        ("language=en", {"file": ("call.wav", b"audio"), "more": ("call.wav", b"audio")}, {}),
    ],
)
async def test_what_is_refused_leaves_nothing(
    tmp_path: Path, query: str, files: dict[str, tuple[str, bytes]], data: dict[str, str]
) -> None:
    pool = ScriptedPool()
    async with client(application(settings(tmp_path), pool)) as connected:
        refused = await connected.post(f"{PATH}?{query}", files=files, data=data)
        assert refused.status_code == 422
        assert all(detail["location"] for detail in refused.json()["detail"])
        assert left(tmp_path) == []
    assert pool.requests == []


async def test_an_upload_that_is_too_large_is_told_its_size(tmp_path: Path) -> None:
    async with client(application(settings(tmp_path, max_upload_mb=1), ScriptedPool())) as connected:
        refused = await connected.post(START, files={"file": ("call.wav", bytes(3 << 20))})
    assert refused.status_code == 413
    assert refused.json()["type"] == "request.size-limit-exceeded"
    (detail,) = refused.json()["detail"]
    assert (detail["location"], detail["type"]) == (["body", "file"], "media.too-large")
    assert detail["context"] == {
        "file_size": int(refused.request.headers["content-length"]),
        "max_file_size": 1 << 20,
        "size_unit": "bytes",
    }


@pytest.mark.parametrize(
    ("more", "status"),
    [({"min_free_disk_mb": 10**12}, 507), ({"max_jobs_storage_mb": 1}, 507), ({"rate_limit": "1/60"}, 429)],
)
async def test_what_has_no_room_or_no_turn_is_refused_before_its_body_is_read(
    tmp_path: Path, more: dict[str, Any], status: int
) -> None:
    async with client(application(settings(tmp_path, **more), ScriptedPool())) as connected:
        await connected.get(f"{PATH}/1")

        async def body() -> Any:
            yield b""
            pytest.fail("the body was read")

        headers = {"content-type": "multipart/form-data; boundary=x", "content-length": str(2 << 20)}
        refused = await connected.post(START, content=body(), headers={**headers, "expect": "100-continue"})
    assert refused.status_code == status
    assert refused.headers["retry-after"]


async def test_a_limit_of_requests_is_for_each_key_and_told_in_every_reply(tmp_path: Path) -> None:
    async with client(application(with_keys(tmp_path, rate_limit="2/60"), ScriptedPool())) as connected:
        for secret in KEYS.values():
            headers = {"x-api-key": secret}
            replies = [await connected.get(f"{PATH}/1", headers=headers) for _ in range(3)]
            assert [reply.status_code for reply in replies] == [422, 422, 429]
            assert [reply.headers["x-ratelimit-limit"] for reply in replies] == ["2"] * 3
            assert [reply.headers["x-ratelimit-remaining"] for reply in replies] == ["1", "0", "0"]
            resets = [int(reply.headers["x-ratelimit-reset"]) - time.time() for reply in replies]
            assert all(0 < reset <= 62 for reset in resets)
            assert replies[-1].json()["type"] == "request.rate-limit-exceeded"
            assert 0 < int(replies[-1].headers["retry-after"]) <= 60


async def test_without_a_limit_of_requests_nothing_is_told_of_one(tmp_path: Path) -> None:
    async with client(application(settings(tmp_path), ScriptedPool())) as connected:
        reply = await connected.get(f"{PATH}/1")
    assert not any(name.startswith("x-ratelimit") for name in reply.headers)


@pytest.mark.parametrize("path", [f"{PATH}/1", f"{PATH}/123e4567-e89b-12d3-a456-426614174000"])
async def test_errors_have_ids_as_well(tmp_path: Path, path: str) -> None:
    async with client(application(settings(tmp_path), ScriptedPool())) as connected:
        made = [await connected.get(path) for _ in range(2)]
        echoed = await connected.get(path, headers={"x-correlation-id": "c", "x-request-id": "r"})
        bad = await connected.get(path, headers={"x-correlation-id": "\x7f"})
    for name in ("x-correlation-id", "x-request-id"):
        assert len({reply.headers[name] for reply in made}) == 2
    assert (echoed.headers["x-correlation-id"], echoed.headers["x-request-id"]) == ("c", "r")
    assert bad.status_code == 422
    assert bad.json()["detail"][0]["location"] == ["header", "x-correlation-id"]
    assert bad.headers["x-correlation-id"] != "\x7f"


async def test_a_task_is_done_by_the_next_server(tmp_path: Path) -> None:
    gate = asyncio.Event()
    stuck = ScriptedPool([gate])
    async with client(application(settings(tmp_path), stuck)) as connected:
        started = await connected.post(START, files=FILE)
        await stuck.entered.acquire()
    pool = ScriptedPool()
    async with client(application(settings(tmp_path), pool)) as connected:
        assert (await ended(connected, started))["task"]["state"] == "done"
    assert pool.media == [b"audio"]
