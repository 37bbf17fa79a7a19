"""Phonexia: laws of its segmentation, and its instance counts."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.apis.phonexia_v1 import translate
from dragoman.core.capabilities import Capabilities
from dragoman.core.spacing import joined
from dragoman.core.transcript import Transcript
from dragoman.language.tags import _NAMES
from dragoman.server.settings import Settings
from scripted import TRANSCRIPT, ScriptedPool, application, client, script
from strategies import transcripts

pytestmark = pytest.mark.unit

FILE = {"file": ("speech.wav", b"audio")}


@given(transcripts())
def test_the_items_of_a_channel_are_in_order_and_its_long_gaps_are_silences(transcript: Transcript) -> None:
    result = msgspec.to_builtins(translate.recognition(transcript, "a.wav", "EN_US_1"))
    channels = defaultdict(list)
    for item in result["segmentation"]:
        channels[item["channel_id"]].append(item)
    assert [entry["channel_id"] for entry in result["transcription"]] == list(transcript.channels)
    assert list(channels) == [channel for channel in transcript.channels if channel in channels]
    longest_gap = 180 * 10_000
    for channel in transcript.channels:
        items = channels[channel]
        for before, after in pairwise(items):
            assert before["start"] <= before["end"] <= after["start"]
            assert after["start"] - before["end"] <= longest_gap
        if items:
            assert items[0]["start"] <= longest_gap
            assert transcript.duration_ms * 10_000 - items[-1]["end"] <= longest_gap
        else:
            assert transcript.duration_ms <= 180
        assert all(item["end"] - item["start"] > longest_gap for item in items if item["word"] == "<silence/>")
        opened = [item["word"] for item in items if item["word"] in ("<segment>", "</segment>")]
        assert opened == ["<segment>", "</segment>"] * len(transcript.channel(channel))


@given(transcripts())
def test_scores_are_logarithms_of_confidences(transcript: Transcript) -> None:
    result = msgspec.to_builtins(translate.recognition(transcript, "a.wav", "EN_US_1"))
    assert 0 <= result["confidence"] <= 1
    for item in result["segmentation"]:
        assert item["score"] <= 0 < item["confidence"] <= 1
        assert math.exp(item["score"]) == pytest.approx(item["confidence"], abs=2e-6)


@given(transcripts())
def test_texts_keep_their_form_and_words_lose_it(transcript: Transcript) -> None:
    result = msgspec.to_builtins(translate.recognition(transcript, "a.wav", "EN_US_1"))
    for entry in result["transcription"]:
        segments = transcript.channel(entry["channel_id"])
        assert entry["text"] == joined(segment.text for segment in segments)
    for item in result["segmentation"]:
        if item["word"] not in ("<segment>", "</segment>", "<silence/>"):
            assert item["word"] == item["word"].lower()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("test.wav", "/test.wav"),
        ("a/b.wav", "/b.wav"),
        ("C:\\calls\\b.wav", "/b.wav"),
        ("", "/"),
        ("grüße.ogg", "/grüße.ogg"),
    ],
)
def test_the_file_is_named_without_its_folder(sent: str, shown: str) -> None:
    assert translate.recognition(TRANSCRIPT, sent, "EN_US_1").file == shown


@given(st.sampled_from(sorted(_NAMES)), st.text(max_size=10))
def test_the_name_of_the_model_has_the_vendors_form_and_outlives_versions(language: str, version: str) -> None:
    name = translate.model_name(Capabilities("any", version, (language,)))
    language_part, region, generation = name.split("_")
    assert language_part == language.upper()
    assert len(region) == 2
    assert region.isupper()
    assert generation == "1"


async def test_busy_instances_are_counted_as_they_come_and_go(tmp_path: Path) -> None:
    gate = asyncio.Event()
    pool = ScriptedPool([*script(TRANSCRIPT)[:1], gate, *script(TRANSCRIPT)[1:]])
    async with client(application(Settings(spool_dir=tmp_path, max_concurrent_files=3), pool)) as connected:

        async def counts() -> tuple[int, int]:
            result = (await connected.get("/api/v1/technologies")).json()["result"]
            (model,) = result["technologies"][0]["models"]
            return model["n_total_instancies"], model["n_busy_instancies"]

        assert await counts() == (3, 0)
        running = [asyncio.create_task(connected.post("/api/v1/stt/file", files=FILE)) for _ in range(3)]
        for _ in running:
            await pool.entered.acquire()
        assert await counts() == (3, 3)
        refused = await connected.post("/api/v1/stt/file", files=FILE)
        assert refused.status_code == 503
        assert refused.json()["result"]["name"] == "CloudErrorResult"
        gate.set()
        assert [reply.status_code for reply in await asyncio.gather(*running)] == [200] * 3
        assert await counts() == (3, 0)


async def test_the_model_can_be_named(tmp_path: Path) -> None:
    settings = Settings(spool_dir=tmp_path, phonexia_model="EN_GB_6")
    async with client(application(settings, ScriptedPool())) as connected:
        assert (await connected.post("/api/v1/stt/file", files=FILE)).json()["result"]["model"] == "EN_GB_6"
        technologies = (await connected.get("/api/v1/technologies")).json()["result"]["technologies"]
    assert technologies[0]["models"][0]["name"] == "EN_GB_6"
