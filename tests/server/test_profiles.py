"""Laws of loading profiles: which serve which languages, and what a model that cannot be used changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.server.profiles import Loaded
from dragoman.server.settings import Settings, SettingsError, load_settings
from dragoman.server.worker_main import FAKE_SCRIPT, load_recognisers

pytestmark = pytest.mark.unit

NAMES = {
    "telecomx_engines": {"FREE": "default"},
    "openai_models": {},
    "speechmatics_operating_points": {},
    "phonexia_4_engines": {},
}
MISSING = {"engine": "whisper", "whisper": {"folder": "/nowhere"}}


def settings(**profiles: dict[str, Any]) -> Settings:
    fake = {name: {"engine": "fake", **profile} for name, profile in profiles.items()}
    return load_settings({"profiles": fake, **NAMES}, environ={})


@pytest.fixture(autouse=True)
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "script.json").write_text('{"languages": ["en", "de", "fr"]}')
    monkeypatch.setenv(FAKE_SCRIPT, str(tmp_path / "script.json"))


def load(**profiles: dict[str, Any]) -> Loaded:
    return load_recognisers(settings(**profiles))


def languages(loaded: Loaded, name: str = "default") -> tuple[str, ...]:
    return loaded.recognisers[name].capabilities.languages


def test_a_profile_serves_the_languages_of_its_others_too() -> None:
    loaded = load(
        default={"languages": ["en"], "others": ["french", "german"]},
        german={"languages": ["de"]},
        french={"languages": ["fr"]},
    )
    assert languages(loaded) == ("en", "fr", "de")
    assert languages(loaded, "german") == ("de",)


@pytest.mark.parametrize("broken", ["german", "french"])
def test_a_profile_whose_model_cannot_be_used_is_the_only_one_that_cannot(broken: str) -> None:
    others = {"german": {"languages": ["de"]}, "french": {"languages": ["fr"]}} | {broken: MISSING}
    loaded = load(default={"languages": ["en"], "others": ["german", "french"]}, **others)
    assert set(loaded.faults) == {broken}
    assert "/nowhere" in loaded.faults[broken]
    assert languages(loaded) == ("en", "fr" if broken == "german" else "de")


def test_without_the_default_profile_nothing_starts() -> None:
    with pytest.raises(EngineNotReady, match="/nowhere"):
        load(default=MISSING, german={})


def test_a_language_that_two_others_claim_is_said_with_what_to_do() -> None:
    with pytest.raises(EngineNotReady, match=r"default: both one and two.* de, fr; .*`languages`"):
        load(default={"languages": ["en"], "others": ["one", "two"]}, one={}, two={})
    loaded = load(default={}, mixed={"languages": ["en"], "others": ["one", "two"]}, one={}, two={})
    assert set(loaded.faults) == {"mixed"}


def test_a_profile_cannot_serve_a_language_that_its_model_does_not_know() -> None:
    loaded = load(default={}, german={"languages": ["cs"]})
    assert "cs" in loaded.faults["german"]


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ({"default": ["none"]}, "none"),
        ({"default": ["default"]}, "has others itself"),
        ({"default": ["german"], "german": ["default"]}, "has others itself"),
        ({"default": ["german"], "german": ["french"]}, "has others itself"),
        ({"default": ["german", "german"]}, "twice"),
    ],
)
def test_others_that_cannot_be_are_named(others: dict[str, list[str]], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        settings(**{name: {"others": others.get(name, [])} for name in ("default", "german", "french")})
