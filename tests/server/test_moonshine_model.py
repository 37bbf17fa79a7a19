"""A profile with a Moonshine model that is not the embedded one, from its settings to the words of a recording."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from command import Dragoman
from dragoman.core.errors import EngineNotReady
from dragoman.core.events import Finished
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.server.models import build_models, wishes
from dragoman.server.settings import Settings, load_settings
from dragoman.server.worker_main import build_recognisers, build_transcriber, load_recognisers
from dragoman.service.models import Description
from dragoman.service.transcribe import Recognised
from tiny_moonshine import larger_folder, streaming_folder

pytestmark = pytest.mark.model


def installed(home: Path) -> Settings:
    """Two installed models, and a profile for each; the default one has the embedded model."""
    profiles = {
        "default": {},
        "larger": {"models": ["larger"]},
        "streaming": {"models": ["streaming"]},
        "accurate": {"models": ["streaming"], "mode": "accuracy"},
        "other": {"moonshine": {"folder": str(larger_folder()), "language": "de"}},
    }
    settings = load_settings({"profiles": profiles, "models_dir": home}, environ={})
    build_models(settings).add("larger", larger_folder())
    build_models(settings).add("streaming", streaming_folder(), Description(languages=("de",)))
    return settings


def test_each_profile_has_its_model(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    recognisers = build_recognisers(settings)
    known = {name: (each.capabilities.model, each.capabilities.languages) for name, each in recognisers.items()}
    assert known == {
        "default": ("moonshine-tiny-en", ("en",)),
        "larger": ("larger", ("en",)),
        "streaming": ("streaming", ("de",)),
        "accurate": ("streaming", ("de",)),
        "other": (larger_folder().name, ("de",)),
    }
    assert all(recogniser.capabilities.phrases for recogniser in recognisers.values())
    assert recognisers["streaming"].aligners is recognisers["accurate"].aligners
    assert recognisers["streaming"].in_language("de").matcher is None
    assert [wish.profile for wish in wishes(settings)] == ["larger", "streaming", "accurate"]


@pytest.mark.parametrize("profile", ["larger", "streaming", "other"])
def test_words_have_times_inside_the_recording(tmp_path: Path, sample: Callable[[str], Path], profile: str) -> None:
    transcriber = build_transcriber(installed(tmp_path))
    request = RecognitionRequest(profile=profile, time_detail=TimeDetail.CHARACTER)
    *reports, finished = transcriber.transcribe(sample("beckett"), request)
    assert isinstance(finished, Finished)
    segments = [report.segment for report in reports if isinstance(report, Recognised)]
    words = [word for segment in segments if segment is not None for word in segment.words]
    assert len(words) > 5
    edges = [edge for word in words for edge in (word.start_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= finished.duration_ms for edge in edges)
    assert all("".join(c.text for c in word.characters) == word.text for word in words)


def test_a_folder_that_is_not_complete_leaves_the_embedded_model_as_it_is(tmp_path: Path) -> None:
    profiles = {"default": {}, "accurate": {}, "broken": {"moonshine": {"folder": str(tmp_path)}}}
    loaded = load_recognisers(load_settings({"profiles": profiles}, environ={}))
    assert set(loaded.recognisers) == {"default", "accurate"}
    assert "encoder_model.ort" in loaded.faults["broken"]


def test_a_model_that_is_not_installed_is_said(tmp_path: Path) -> None:
    profiles = {"default": {"models": ["base"]}, "accurate": {}}
    settings = load_settings({"profiles": profiles, "models_dir": tmp_path}, environ={})
    with pytest.raises(EngineNotReady, match="base, which is not installed"):
        build_recognisers(settings)


def test_from_a_folder_to_a_transcript_by_commands_alone(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    dragoman = Dragoman(tmp_path)
    dragoman.environment |= {
        "DRAGOMAN_PROFILES": json.dumps({"default": {"models": ["mine"]}, "accurate": {"engine": "fake"}}),
        "DRAGOMAN_MODELS_DIR": str(tmp_path / "models"),
        "DRAGOMAN_WORKERS": "1",
    }
    added = dragoman("models", "add", "mine", "--path", streaming_folder())
    assert (added.returncode, added.stderr) == (0, "")
    listed = next(
        fact for fact in map(json.loads, dragoman("models", "list", "--json").stdout.splitlines())
        if fact["name"] == "mine"
    )  # fmt: skip
    assert (listed["engine"], listed["languages"], listed["profiles"]) == ("moonshine", ["en"], ["default"])
    result = dragoman("transcribe", "--format", "json", sample("beckett"))
    assert (result.returncode, result.stderr) == (0, "")
    words = [word for segment in json.loads(result.stdout)["segments"] for word in segment["words"]]
    assert len(words) > 5
    assert all(first["end_ms"] <= second["start_ms"] for first, second in pairwise(words))
