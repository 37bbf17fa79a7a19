"""Installed models that serve every profile, from the settings to what a worker can do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.core.models import ModelEngine, ModelTask
from dragoman.server.models import build_models, installed_for, profiles_of
from dragoman.server.profiles import build_recognisers
from dragoman.server.settings import Settings, load_settings
from dragoman.service.models import Description
from dragoman.service.recognise import Recogniser
from tiny_sounds import save_tiny_identifier, save_tiny_tagger
from tiny_whisper import tiny_folder

pytestmark = pytest.mark.model

IDENTIFYING, TAGGING = ModelTask.LANGUAGE_IDENTIFICATION, ModelTask.AUDIO_TAGGING


@pytest.fixture
def installing(tmp_path: Path) -> Callable[..., Settings]:
    """Settings under which these folders are installed, each by its name, for a task."""

    def install(*folders: tuple[Path, ModelTask], engine: ModelEngine = ModelEngine.SHERPA, **more: object) -> Settings:
        profiles = {"default": {"engine": "fake"}, "accurate": {"engine": "fake"}}
        given = {"profiles": profiles, "models_dir": tmp_path / "models", **more}
        settings = load_settings(given, environ={})
        for folder, task in folders:
            build_models(settings).add(folder.name, folder, Description(task, engine))
        return settings

    return install


def default(settings: Settings) -> Recogniser:
    return build_recognisers(settings)["default"]


def test_the_only_one_that_is_installed_serves_every_profile(
    installing: Callable[..., Settings], tmp_path: Path
) -> None:
    nothing = default(installing())
    assert (nothing.identifier, nothing.tagger) == (None, None)
    settings = installing(
        (save_tiny_identifier(tmp_path / "tells"), IDENTIFYING), (save_tiny_tagger(tmp_path / "hears"), TAGGING)
    )
    recognisers = build_recognisers(settings)
    assert len(recognisers) == 2
    for recogniser in recognisers.values():
        assert recogniser.capabilities.identifies == ("en", "zh", "de", "jv", "cs")
        assert recogniser.capabilities.tags_audio
    found = installed_for(settings, TAGGING)
    assert found is not None
    assert profiles_of(found.model, settings, []) == ["default", "accurate"]


def test_of_several_one_has_to_be_named(
    installing: Callable[..., Settings], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    two = [(save_tiny_identifier(tmp_path / name), IDENTIFYING) for name in ("one", "other")]
    assert default(installing(*two)).identifier is None
    assert re.search("one and other are both .* language_identification", caplog.text)
    named = installing(language_identification="other")
    assert default(named).capabilities.identifies
    found = [installed_for(named, IDENTIFYING)]
    assert [each.model.name for each in found if each is not None] == ["other"]


@pytest.mark.parametrize("setting", ["language_identification", "audio_tagging"])
def test_one_that_is_named_and_not_installed_is_said_with_what_to_do_and_leaves_the_profiles(
    installing: Callable[..., Settings], setting: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert default(installing(**{setting: "nowhere"})).engine.capabilities.languages
    assert re.search(f"{setting} names the model nowhere, .* `dragoman models list`", caplog.text)


def test_a_folder_that_is_no_such_model_is_said_and_leaves_the_profiles(
    installing: Callable[..., Settings], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = default(installing((save_tiny_tagger(tmp_path / "hears"), IDENTIFYING)))
    assert not found.capabilities.identifies
    assert "has no encoder" in caplog.text


def test_an_engine_that_has_no_models_for_a_task_is_named(
    installing: Callable[..., Settings], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = installing((save_tiny_tagger(tmp_path / "hears"), TAGGING), engine=ModelEngine.WHISPER)
    assert default(settings).tagger is None
    assert re.search("the engine of hears, whisper, .* sherpa has", caplog.text)


def test_a_whisper_model_identifies_languages_for_other_profiles_too(
    installing: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = installing((tiny_folder(), IDENTIFYING), engine=ModelEngine.WHISPER)
    assert {"en", "de", "cs"} <= set(default(settings).capabilities.identifies)


def test_a_profile_that_identifies_languages_itself_does_unless_another_is_named(
    installing: Callable[..., Settings], tmp_path: Path
) -> None:
    whisper = {"engine": "whisper", "whisper": {"folder": str(tiny_folder())}}
    profiles = {"default": whisper, "accurate": whisper}
    tells = (save_tiny_identifier(tmp_path / "tells"), IDENTIFYING)
    assert "es" in default(installing(tells, profiles=profiles)).capabilities.identifies
    named = installing(profiles=profiles, language_identification="tells")
    assert "es" not in default(named).capabilities.identifies
