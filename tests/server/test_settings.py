"""Settings: sources, their order, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from dragoman.server.settings import ENVIRONMENT_PREFIX, Settings, SettingsError, load_settings

pytestmark = pytest.mark.unit


def toml(folder: Path, text: str) -> Path:
    path = folder / "dragoman.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_later_sources_win(tmp_path: Path) -> None:
    config = toml(tmp_path, "port = 1001\nworkers = 1\nmax_upload_mb = 1\n")
    environ = {"DRAGOMAN_PORT": "1002", "DRAGOMAN_WORKERS": "2"}
    settings = load_settings({"port": 1003, "host": None}, config=config, environ=environ)
    assert (settings.port, settings.workers, settings.max_upload_mb) == (1003, 2, 1)
    assert settings.host == Settings().host


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    config = toml(tmp_path, "port = 1001")
    assert load_settings(environ={"DRAGOMAN_CONFIG": str(config)}).port == 1001


def test_every_setting_can_come_from_the_environment() -> None:
    defaults = Settings()
    for field in msgspec.structs.fields(Settings):
        value = getattr(defaults, field.name)
        if value is None:
            continue
        text = msgspec.json.encode(value, enc_hook=str).decode().strip('"')
        again = load_settings(environ={ENVIRONMENT_PREFIX + field.name.upper(): text})
        assert getattr(again, field.name) == value, field.name


def test_nested_settings_are_json_in_the_environment() -> None:
    environ = {"DRAGOMAN_PROFILES": '{"default": {"mode": "speed"}, "accurate": {"quota_minutes": 10}}'}
    profiles = load_settings(environ=environ).profiles
    assert profiles["default"].mode == "speed"
    assert profiles["accurate"].quota_minutes == 10


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("port = 70000", "port"),
        ("port = 'http'", "port"),
        ("prot = 80", "prot"),
        ("max_upload_mb = 0", "max_upload_mb"),
        ("log_level = 'loud'", "log_level"),
        ("[profiles.accurate]\nengine = 'moonshine'", "default"),
        ("[profiles.default]\nengine = 'abacus'", "engine"),
        ("[profiles.default.whisper]\nfolder = '/srv/model'", "engine"),
        ("[profiles.default]\nengine = 'fake'\nmoonshine = { folder = '/srv/model' }", "moonshine"),
        ("[profiles.default]\nmodels = ['a']\nmoonshine = { folder = '/srv/model' }", "in the place of models"),
        ("[profiles.default.moonshine]\nlanguage = 'de'", "folder"),
        (
            "[profiles.default]\nengine = 'whisper'\nwhisper = { folder = '/srv/model', language = 'German' }",
            "language",
        ),
        ("[profiles.default.sherpa]\nfolder = '/srv/model'", "engine"),
        ("[profiles.default]\nengine = 'sherpa'\nsherpa = { beam = 0 }", "beam"),
        ("[openai_models]\nwhisper-1 = 'nothing'", "nothing"),
        ("[telecomx_engines]\nTWELVE = 'default'", "TWELVE"),
        ("port = ", "dragoman.toml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, names: str) -> None:
    with pytest.raises(SettingsError, match=names):
        load_settings(config=toml(tmp_path, text), environ={})


def test_a_missing_file_and_broken_json_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        load_settings(config=tmp_path / "nowhere", environ={})
    with pytest.raises(SettingsError, match="DRAGOMAN_PROFILES"):
        load_settings(environ={"DRAGOMAN_PROFILES": "{"})


def test_settings_travel_as_json_between_processes(tmp_path: Path) -> None:
    profiles = {"default": {"engine": "whisper", "whisper": {"folder": tmp_path}}, "accurate": {}}
    flags = {"port": 1, "spool_dir": tmp_path, "keys_file": tmp_path / "keys", "profiles": profiles}
    settings = load_settings(flags, environ={})
    again = load_settings(msgspec.json.decode(msgspec.json.encode(settings, enc_hook=str)), environ={})
    assert again == settings
