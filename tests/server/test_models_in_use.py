"""What becomes of a running server whose models are damaged, removed and mended under it, with real workers."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from command import Dragoman
from dragoman.core.assemble import Assembler
from dragoman.core.errors import EngineNotReady, UnsupportedLanguage
from dragoman.core.models import ModelEngine
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Transcript
from dragoman.server.models import build_models
from dragoman.server.recognisers import build_pool, build_recognition
from dragoman.server.settings import Settings, load_settings
from dragoman.service.models import Description
from dragoman.service.workers import WorkerPool
from noise import QUIET, noise_file
from tiny_whisper import tiny_folder

pytestmark = pytest.mark.realtime

PROFILES = {
    "default": {"engine": "fake", "others": ["german"]},
    "german": {"engine": "whisper", "models": ["tiny"], "languages": ["de"], "whisper": {"language": "de"}},
}
NAMES = {
    "telecomx_engines": {"FREE": "default"},
    "openai_models": {},
    "speechmatics_operating_points": {},
    "phonexia_4_engines": {},
}
IN_GERMAN = RecognitionRequest(language="de", profile="german")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings(
        {"profiles": PROFILES, **NAMES, "models_dir": tmp_path / "models", "workers": 2, "max_concurrent_streams": 2},
        environ={},
    )
    install(made)
    return made


def install(settings: Settings) -> None:
    build_models(settings).add("tiny", tiny_folder(), Description(engine=ModelEngine.WHISPER, languages=("de",)))


def damage(settings: Settings) -> None:
    assert settings.models_dir is not None
    (settings.models_dir / "tiny" / "model.bin").unlink()


async def hear(pool: WorkerPool, media: Path, request: RecognitionRequest) -> Transcript:
    assembler = Assembler()
    async with aclosing(pool.transcribe(media, request)) as events:
        async for event in events:
            assembler.add(event)
    return assembler.transcript()


async def until(condition: Callable[[], bool]) -> None:
    from asyncio import sleep, timeout

    async with timeout(30):
        while not condition():
            await sleep(0.02)


async def replace_worker(pool: WorkerPool, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await until(lambda: pid not in pool.pids and len(pool.pids) == 2)


async def test_a_damaged_model_is_served_by_who_has_it_and_then_says_so_until_it_is_mended(
    settings: Settings, tmp_path: Path
) -> None:
    speech = noise_file(tmp_path / "speech.wav", [(3, QUIET)])
    english = RecognitionRequest(language="en")
    pool = build_pool(settings)
    await pool.start()
    try:
        one, other = pool.pids
        assert pool.faults == {}
        assert pool.capabilities("default").languages == ("en", "de")
        damage(settings)
        await replace_worker(pool, one)
        assert pool.faults == {}
        for _ in range(3):
            assert (await hear(pool, speech, IN_GERMAN)).model == "tiny"
        await replace_worker(pool, other)
        assert set(pool.faults) == {"german"}
        with pytest.raises(
            EngineNotReady, match=r"tiny .* is damaged: model.bin is missing\. Use `dragoman models add"
        ):
            pool.transcribe(speech, IN_GERMAN)
        assert (await hear(pool, speech, english)).model == "fake"
        install(settings)
        await replace_worker(pool, pool.pids[0])
        assert pool.faults == {}
        assert (await hear(pool, speech, IN_GERMAN)).model == "tiny"
        assert (await hear(pool, speech, english)).model == "fake"
    finally:
        await pool.aclose()


async def test_a_server_that_starts_with_a_damaged_model_serves_the_others_and_says_what_is_missing(
    settings: Settings, tmp_path: Path
) -> None:
    speech = noise_file(tmp_path / "speech.wav", [(3, QUIET)])
    damage(settings)
    recognition = build_recognition(settings)
    await recognition.start()
    try:
        assert set(recognition.faults) == {"german"}
        assert (await recognition.transcribe(speech, RecognitionRequest())).segments
        with pytest.raises(UnsupportedLanguage, match="tiny of profile german is damaged"):
            await recognition.transcribe(speech, RecognitionRequest(language="de"))
        with pytest.raises(EngineNotReady, match="damaged"):
            await recognition.transcribe(speech, IN_GERMAN)
    finally:
        await recognition.aclose()


def test_the_commands_serve_what_they_can_and_name_what_they_cannot(settings: Settings, tmp_path: Path) -> None:
    speech = noise_file(tmp_path / "speech.wav", [(3, QUIET)])
    dragoman = Dragoman(tmp_path)
    dragoman.environment |= {
        "DRAGOMAN_PROFILES": json.dumps(PROFILES),
        "DRAGOMAN_MODELS_DIR": str(settings.models_dir),
        "DRAGOMAN_WORKERS": "1",
        "DRAGOMAN_PORT": "0",
        **{f"DRAGOMAN_{name.upper()}": json.dumps(names) for name, names in NAMES.items()},
    }
    told = json.loads(dragoman("transcribe", "--language", "de", "--format", "json", speech).stdout)
    assert (told["language"], told["model"]) == ("de", "tiny")
    damage(settings)
    assert json.loads(dragoman("transcribe", "--format", "json", speech).stdout)["model"] == "fake"
    refused = dragoman("transcribe", "--language", "de", speech)
    assert refused.returncode == 2
    assert "is damaged: model.bin is missing" in refused.stderr
    examined = dragoman("doctor")
    assert examined.returncode == 1
    (problem,) = [line for line in examined.stdout.splitlines() if line.startswith("problem: ")]
    assert problem.startswith("problem: profile german does not work: The model tiny")
