"""Laws of the use case, over a pool of real processes with the fake engine."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.core.errors import (
    EngineNotReady,
    NoFreeInstance,
    QuotaExceeded,
    Unavailable,
    UndecodableAudio,
    UnknownModel,
    UnsupportedLanguage,
)
from dragoman.core.events import Finished, Opened, RecognitionEvent
from dragoman.core.ports import Instances
from dragoman.core.request import RecognitionRequest
from dragoman.service.limits import Admission, Quota
from dragoman.service.recognition import Recognition
from dragoman.service.workers import WorkerPool
from noise import LOUD, QUIET, noise_file

pytestmark = pytest.mark.realtime

Recognitions = Callable[..., Any]


@pytest.fixture
def recognitions(tmp_path: Path) -> Recognitions:
    @asynccontextmanager
    async def running(
        total: int = 2, quota_minutes: float | None = None, sample_peak: float = QUIET, **script: Any
    ) -> AsyncIterator[Recognition]:
        file = tmp_path / "script.json"
        file.write_text(json.dumps(script))
        pool = WorkerPool(
            (sys.executable, "-m", "dragoman.server.worker_main"),
            msgspec.json.encode({"profiles": {"default": {"engine": "fake"}, "accurate": {"engine": "fake"}}}),
            workers=1,
            environment={"DRAGOMAN_FAKE_SCRIPT": str(file)},
        )
        quota = Quota({"default": quota_minutes}, lambda: datetime(2024, 5, 1, 12, tzinfo=UTC))
        sample = noise_file(tmp_path / "sample.wav", [(2, sample_peak)])
        recognition = Recognition(pool, Admission(total), quota, nullcontext(sample), readiness_cache_s=0.05)
        await recognition.start()
        try:
            yield recognition
        finally:
            await recognition.aclose()

    return running


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    return noise_file(tmp_path / "speech.wav", [(18, QUIET)])


async def test_the_transcript_is_what_the_events_said(recognitions: Recognitions, speech: Path) -> None:
    seen: list[RecognitionEvent] = []
    async with recognitions() as recognition:
        transcript = await recognition.transcribe(speech, RecognitionRequest(), seen.append)
    assert isinstance(seen[0], Opened)
    assert seen[-1] == Finished(18_000, "en", "fake")
    assert transcript.duration_ms == 18_000
    assert transcript.words


async def test_no_language_is_the_first_of_the_engine_and_others_are_named(
    recognitions: Recognitions, speech: Path
) -> None:
    async with recognitions(languages=["cs", "sk"]) as recognition:
        assert (await recognition.transcribe(speech, RecognitionRequest())).language == "cs"
        assert (await recognition.transcribe(speech, RecognitionRequest(language="sk"))).language == "sk"
        with pytest.raises(UnsupportedLanguage, match="cs, sk, not 'en'"):
            await recognition.transcribe(speech, RecognitionRequest(language="en"))
        with pytest.raises(UnknownModel):
            await recognition.transcribe(speech, RecognitionRequest(profile="best"))
        assert recognition.instances() == Instances(2, 0)


async def test_a_full_house_refuses_and_a_closed_file_makes_room(recognitions: Recognitions, speech: Path) -> None:
    async with recognitions(total=1, seconds_per_second=1) as recognition:
        async with aclosing(recognition.events(speech, RecognitionRequest())) as events:
            await anext(events)
            assert recognition.instances() == Instances(1, 1)
            with pytest.raises(NoFreeInstance):
                await recognition.transcribe(speech, RecognitionRequest())
        assert recognition.instances() == Instances(1, 0)


async def test_an_instance_is_free_again_after_a_file_that_fails(recognitions: Recognitions, tmp_path: Path) -> None:
    file = tmp_path / "text.wav"
    file.write_text("no recording")
    async with recognitions() as recognition:
        with pytest.raises(UndecodableAudio):
            await recognition.transcribe(file, RecognitionRequest())
        assert recognition.instances() == Instances(2, 0)


async def test_a_quota_counts_the_audio_of_each_key(recognitions: Recognitions, speech: Path) -> None:
    async with recognitions(quota_minutes=0.5) as recognition:
        await recognition.transcribe(speech, RecognitionRequest(), key_id="a")
        with pytest.raises(QuotaExceeded):
            await recognition.transcribe(speech, RecognitionRequest(), key_id="a")
        await recognition.transcribe(speech, RecognitionRequest(), key_id="b")
        assert recognition.instances().busy == 0


async def test_what_was_recognised_before_a_client_left_counts(recognitions: Recognitions, speech: Path) -> None:
    async with recognitions(quota_minutes=0.5) as recognition:
        async with aclosing(recognition.events(speech, RecognitionRequest())) as events:
            async for event in events:
                if isinstance(event, Finished):
                    break
        with pytest.raises(QuotaExceeded):
            await recognition.transcribe(speech, RecognitionRequest())


async def test_ready_even_when_the_house_is_full(recognitions: Recognitions, speech: Path) -> None:
    async with recognitions(total=1, seconds_per_second=0.1) as recognition:
        events = recognition.events(speech, RecognitionRequest())
        await anext(events)
        await recognition.check_ready()
        await events.aclose()


async def test_a_recogniser_that_hears_nothing_in_speech_is_not_ready(recognitions: Recognitions) -> None:
    async with recognitions(texts=[""]) as recognition:
        with pytest.raises(EngineNotReady, match="no words"):
            await recognition.check_ready()


async def test_a_recogniser_that_fails_on_speech_is_not_ready(recognitions: Recognitions) -> None:
    async with recognitions(sample_peak=LOUD, mishaps=[{"above": 0.5, "kind": "crash"}]) as recognition:
        with pytest.raises(EngineNotReady, match="crashed"):
            await recognition.check_ready()


async def test_before_and_after_its_life_it_is_not_available(recognitions: Recognitions, speech: Path) -> None:
    async with recognitions() as recognition:
        pass
    with pytest.raises(EngineNotReady):
        await recognition.check_ready()
    with pytest.raises(Unavailable):
        await recognition.transcribe(speech, RecognitionRequest())
    await recognition.aclose()


async def test_closing_ends_what_runs(recognitions: Recognitions, speech: Path) -> None:
    async with recognitions(seconds_per_second=5) as recognition:
        opened = asyncio.Event()
        running = asyncio.create_task(recognition.transcribe(speech, RecognitionRequest(), lambda event: opened.set()))
        await opened.wait()
        await recognition.aclose()
        with pytest.raises(Unavailable):
            await running
        assert recognition.instances().busy == 0


async def test_a_start_that_fails_leaves_no_sample_behind(tmp_path: Path) -> None:
    left = False

    @contextmanager
    def sample() -> Iterator[Path]:
        nonlocal left
        yield tmp_path
        left = True

    pool = WorkerPool((sys.executable, "-c", ""), b"", workers=1)
    recognition = Recognition(pool, Admission(1), Quota({}), sample())
    with pytest.raises(EngineNotReady):
        await recognition.start()
    assert left
