"""A profile with a model of sherpa-onnx, from its settings to the words of a recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.core.events import Finished
from dragoman.core.models import ModelEngine
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.core.transcript import Word
from dragoman.server.models import build_models
from dragoman.server.settings import Settings, load_settings
from dragoman.server.worker_main import build_recognisers, build_transcriber
from dragoman.service.models import Description
from dragoman.service.transcribe import Recognised
from tiny_sherpa import tiny_folder

pytestmark = pytest.mark.model


def settings(folder: Path, **more: object) -> Settings:
    profile = {"engine": "sherpa", "sherpa": {"folder": str(folder), **more}}
    return load_settings({"profiles": {"default": profile, "accurate": {**profile, "mode": "accuracy"}}}, environ={})


def words_of(settings: Settings, recording: Path, request: RecognitionRequest) -> list[Word]:
    *reports, finished = build_transcriber(settings).transcribe(recording, request)
    assert isinstance(finished, Finished)
    segments = [report.segment for report in reports if isinstance(report, Recognised)]
    words = [word for segment in segments if segment is not None for word in segment.words]
    edges = [edge for word in words for edge in (word.start_ms, word.end_ms)]
    assert edges == sorted(edges)
    assert all(0 <= edge <= finished.duration_ms for edge in edges)
    assert all("".join(c.text for c in word.characters) == word.text for word in words)
    return words


@pytest.mark.parametrize("language", ["en", "de", None])
@pytest.mark.parametrize("kind", ["streaming_transducer", "nemo_transducer"])
def test_words_of_any_language_have_times_inside_the_recording(
    sample: Callable[[str], Path], kind: str, language: str | None
) -> None:
    request = RecognitionRequest(language=language, time_detail=TimeDetail.CHARACTER)
    wanted = settings(tiny_folder(kind), languages=["de", "en"])
    assert words_of(wanted, sample("beckett"), request)


def test_profiles_of_one_model_share_it() -> None:
    recognisers = build_recognisers(settings(tiny_folder("transducer"), languages=["cs"]))
    assert recognisers["default"].engine is recognisers["accurate"].engine
    assert recognisers["default"].in_language("cs").matcher is None


def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match="nowhere"):
        build_recognisers(settings(tmp_path / "nowhere"))


def test_an_installed_model_serves_the_languages_it_was_installed_with(tmp_path: Path) -> None:
    profiles = {name: {"engine": "sherpa"} for name in ("default", "accurate")}
    installed = load_settings({"profiles": profiles, "models_dir": tmp_path}, environ={})
    with pytest.raises(EngineNotReady, match="dragoman models"):
        build_recognisers(installed)
    description = Description(engine=ModelEngine.SHERPA, languages=("de", "fr"))
    build_models(installed).add("tiny", tiny_folder("streaming_transducer"), description)
    capabilities = build_recognisers(installed)["default"].capabilities
    assert capabilities.languages == ("de", "fr")
    assert capabilities.phrases
