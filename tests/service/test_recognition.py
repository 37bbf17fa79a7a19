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
import numpy as np
import pytest

from dragoman.core.assemble import Assembler
from dragoman.core.errors import (
    EngineNotReady,
    InvalidField,
    NoFreeInstance,
    QuotaExceeded,
    Unavailable,
    UndecodableAudio,
    UnknownModel,
    UnsupportedLanguage,
    UnsupportedOption,
)
from dragoman.core.events import Final, Finished, Opened, RecognitionEvent, SpeechEnded
from dragoman.core.ports import Instances, LiveStream
from dragoman.core.request import (
    AudioEncoding,
    LanguageChoice,
    LanguageOption,
    RecognitionRequest,
    SpeakerMode,
    SpeakerRequest,
    TimeDetail,
)
from dragoman.core.transcript import Transcript
from dragoman.server.settings import load_settings
from dragoman.service.limits import Admission, Quota
from dragoman.service.recognition import Recognition
from dragoman.service.workers import WorkerPool
from noise import LOUD, QUIET, RATE, noise_file
from recordings import encode
from scripted import ScriptedPool, recogniser

pytestmark = pytest.mark.realtime

Recognitions = Callable[..., Any]

SPEECH = (QUIET * 32767 * np.random.default_rng(5).uniform(-1, 1, 4 * RATE)).astype("<i2").tobytes()


@pytest.fixture
def recognitions(tmp_path: Path) -> Recognitions:
    @asynccontextmanager
    async def running(
        total: int = 2,
        quota_minutes: float | None = None,
        sample_peak: float = QUIET,
        max_streams: int | None = 2,
        **script: Any,
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
        recognition = Recognition(
            pool, Admission(total), quota, nullcontext(sample), readiness_cache_s=0.05, max_streams=max_streams
        )
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


async def test_speakers_need_a_diarizer_and_bring_the_words_with_them(recognitions: Recognitions, speech: Path) -> None:
    request = RecognitionRequest(time_detail=TimeDetail.SEGMENT, speakers=SpeakerRequest())
    async with recognitions() as recognition:
        assert {word.speaker for word in (await recognition.transcribe(speech, request)).words} == {0}
        for count in (0, -1, 50):
            with pytest.raises(InvalidField, match=str(count)):
                recognition.checked(RecognitionRequest(speakers=SpeakerRequest(count=count)))
    async with recognitions(diarizes=False) as recognition:
        with pytest.raises(UnsupportedOption, match="speakers"):
            recognition.checked(request)


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


# Live streams


async def listen(stream: LiveStream) -> Transcript:
    assembler = Assembler()
    assembler.add(Opened(None, (0,)))
    async with aclosing(stream.events()) as events:
        async for event in events:
            if isinstance(event, Final | Finished):
                assembler.add(event)
    return assembler.transcript()


async def test_a_live_stream_holds_an_instance_while_its_block_runs(recognitions: Recognitions) -> None:
    async with recognitions(max_streams=2) as recognition:
        assert recognition.stream_instances() == Instances(2, 0)
        with recognition.live(RecognitionRequest(), RATE) as first:
            with recognition.live(RecognitionRequest(), RATE):
                assert recognition.stream_instances() == Instances(2, 2)
                with pytest.raises(NoFreeInstance, match="max_concurrent_streams"):
                    recognition.live(RecognitionRequest(), RATE).__enter__()
            assert recognition.instances().busy == 0
            await first.send(SPEECH)
            first.finish()
            assert (await listen(first)).words
            assert recognition.stream_instances() == Instances(2, 1)
        assert recognition.stream_instances() == Instances(2, 0)


async def test_without_a_setting_there_are_as_many_streams_as_the_pool_can_serve(recognitions: Recognitions) -> None:
    async with recognitions(max_streams=None) as recognition:
        assert recognition.stream_instances().total == recognition._pool.stream_capacity > 2


async def test_what_is_wrong_with_a_stream_is_said_before_it_begins(recognitions: Recognitions) -> None:
    async with recognitions() as recognition:
        for request, rate, error in [
            (RecognitionRequest(profile="best"), RATE, UnknownModel),
            (RecognitionRequest(language="cs"), RATE, UnsupportedLanguage),
            (RecognitionRequest(), 7_999, InvalidField),
            (RecognitionRequest(), 48_001, InvalidField),
        ]:
            with pytest.raises(error), recognition.live(request, rate):
                pass
        assert recognition.stream_instances().busy == 0


def choice(*languages: str) -> RecognitionRequest:
    return RecognitionRequest(choice=LanguageChoice(tuple(map(LanguageOption, languages))))


async def test_a_language_is_found_out_among_those_that_are_installed(recognitions: Recognitions) -> None:
    async with recognitions(languages=["en", "de"], identifies=True) as recognition:
        assert recognition.capabilities().identifies == ("en", "de")
        with pytest.raises(UnsupportedLanguage, match="not 'cs'"), recognition.live(choice("en", "cs"), RATE):
            pass
        with recognition.live(choice("de", "en"), RATE) as stream:
            await stream.send(SPEECH)
            stream.finish()
            heard = await listen(stream)
        assert heard.language == "en"
        assert [each.language for each in heard.segments[0].languages] == ["en", "de"]


async def test_any_language_is_one_that_is_recognised_and_told_apart() -> None:
    pool = ScriptedPool(languages=("en", "cs", "de", "haw"))
    recognition = recogniser(load_settings({"max_concurrent_files": 1}, environ={}), pool)
    await recognition.start()
    asked = RecognitionRequest(choice=LanguageChoice())
    for identifies, options in [(("fr", "de", "en"), ("en", "de")), (("en", "fr"), ()), ((), ())]:
        pool.identifies = identifies
        checked = recognition.checked(asked)
        assert checked.language == "en"
        assert checked.choice == (LanguageChoice(tuple(map(LanguageOption, options))) if options else None)
    await recognition.aclose()


async def test_without_a_model_for_it_no_language_is_found_out(recognitions: Recognitions) -> None:
    async with recognitions(languages=["en", "de"]) as recognition:
        with pytest.raises(UnsupportedOption, match="install"), recognition.live(choice("en", "de"), RATE):
            pass


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
async def test_times_are_those_of_the_audio_at_any_rate(recognitions: Recognitions, rate: int) -> None:
    async with recognitions() as recognition:
        with recognition.live(RecognitionRequest(), rate) as stream:
            await stream.send(SPEECH)
            stream.finish()
            heard = await listen(stream)
    assert heard.duration_ms == len(SPEECH) // 2 * 1000 // rate
    assert heard.words[-1].end_ms <= heard.duration_ms
    assert heard.language == "en"


async def test_a_quota_that_is_used_up_ends_a_stream_when_its_words_are_out(recognitions: Recognitions) -> None:
    async with recognitions(quota_minutes=0.1) as recognition:
        with recognition.live(RecognitionRequest(), RATE, key_id="a") as stream:
            await stream.send(SPEECH)
            for _ in range(2):
                with pytest.raises(QuotaExceeded):
                    await stream.send(SPEECH)
            events = stream.events()
            seen = [await anext(events)]
            while not isinstance(seen[-1], SpeechEnded):
                seen.append(await anext(events))
            assert any(isinstance(event, Final) for event in seen)
            with pytest.raises(QuotaExceeded):
                await anext(events)
        with recognition.live(RecognitionRequest(), RATE, key_id="b") as stream:
            stream.finish()
            await listen(stream)


async def test_a_stream_of_two_channels_holds_two_instances(recognitions: Recognitions) -> None:
    async with recognitions(max_streams=3) as recognition:
        with recognition.live(RecognitionRequest(), RATE, channels=2) as stream:
            assert recognition.stream_instances() == Instances(3, 2)
            with pytest.raises(NoFreeInstance):
                recognition.live(RecognitionRequest(), RATE, channels=2).__enter__()
            await stream.send(SPEECH)
            stream.finish()
            heard = await listen(stream)
            assert heard.duration_ms == len(SPEECH) // 4 * 1000 // RATE
            assert {segment.channel for segment in heard.segments} == {0, 1}
        for channels in (0, 3):
            with pytest.raises(InvalidField), recognition.live(RecognitionRequest(), RATE, channels=channels):
                pass
        assert recognition.stream_instances() == Instances(3, 0)


async def test_a_stream_whose_speakers_are_told_apart_holds_two_instances(recognitions: Recognitions) -> None:
    request = RecognitionRequest(time_detail=TimeDetail.SEGMENT, speakers=SpeakerRequest())
    async with recognitions(max_streams=3) as recognition:
        with recognition.live(request, RATE) as stream:
            assert recognition.stream_instances() == Instances(3, 2)
            await stream.send(SPEECH)
            stream.finish()
            assert {word.speaker for word in (await listen(stream)).words} == {0}
        with pytest.raises(NoFreeInstance):
            recognition.live(request, RATE, channels=2).__enter__()
        changes = RecognitionRequest(speakers=SpeakerRequest(SpeakerMode.CHANGES))
        with pytest.raises(UnsupportedOption, match="recordings"):
            recognition.live(changes, RATE).__enter__()
        assert recognition.stream_instances() == Instances(3, 0)


async def test_of_encoded_audio_what_was_recognised_counts(recognitions: Recognitions) -> None:
    """Twelve seconds of a quota of six; every second is a piece of its own."""
    encoding = AudioEncoding.FLAC
    pcm = np.frombuffer(SPEECH * 3, "<i2") / np.float32(32_768)
    data = encode(pcm[np.newaxis], RATE, "flac", "flac")
    async with recognitions(quota_minutes=0.1) as recognition:
        with recognition.live(RecognitionRequest(), RATE, encoding=encoding) as stream:

            async def say() -> None:
                for first in range(0, len(data), len(data) // 12):
                    await stream.send(data[first : first + len(data) // 12])
                    await asyncio.sleep(0.2)

            saying = asyncio.create_task(say())
            with pytest.raises(QuotaExceeded):
                await listen(stream)
            with pytest.raises(QuotaExceeded):
                await saying
            assert 4_000 < stream.taken_ms < 9_000


async def test_streams_that_run_at_the_same_time_share_the_quota(recognitions: Recognitions) -> None:
    async with recognitions(quota_minutes=0.1) as recognition:
        with (
            recognition.live(RecognitionRequest(), RATE) as first,
            recognition.live(RecognitionRequest(), RATE) as second,
        ):
            await first.send(SPEECH)
            await second.send(SPEECH[: len(SPEECH) // 2])
            with pytest.raises(QuotaExceeded):
                await second.send(SPEECH)


async def test_a_server_that_stops_ends_its_streams_with_all_their_words(recognitions: Recognitions) -> None:
    async with recognitions(seconds_per_second=0.05) as recognition:
        with recognition.live(RecognitionRequest(), RATE) as undisturbed:
            await undisturbed.send(SPEECH)
            undisturbed.finish()
            expected = await listen(undisturbed)
        async with asyncio.timeout(1):
            await recognition.drained()

        async def client() -> Transcript:
            with recognition.live(RecognitionRequest(), RATE) as stream:
                await stream.send(SPEECH)
                sent.set()
                transcript = await listen(stream)
                await stream.send(SPEECH)
                return transcript

        sent = asyncio.Event()
        running = asyncio.create_task(client())
        await sent.wait()
        recognition.drain()
        with pytest.raises(Unavailable), recognition.live(RecognitionRequest(), RATE):
            pass
        with pytest.raises(EngineNotReady):
            await recognition.check_ready()
        assert not running.done()
        await recognition.drained()
        assert await running == expected


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
