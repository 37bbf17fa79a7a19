"""Laws of identifying languages with Whisper models of sherpa-onnx, over one that is made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import SAMPLE_RATE
from dragoman.engines.sherpa.identifier import SherpaIdentifier
from tiny_sounds import LANGUAGES, Floats, save_tiny_identifier, tone

pytestmark = pytest.mark.unit


def noise(level: float, seconds: float) -> Floats:
    rng = np.random.default_rng(0)
    return rng.uniform(-level, level, round(seconds * SAMPLE_RATE)).astype(np.float32)


SOUNDS = (tone(300, 29.4), noise(0.5, 29.4))


def test_languages_have_codes_of_iso_639_1_or_are_left_out(tmp_path: Path) -> None:
    assert SherpaIdentifier(save_tiny_identifier(tmp_path)).languages == ("en", "zh", "de", "jv", "cs")


def test_the_likeliest_is_the_one_that_the_library_names(tmp_path: Path) -> None:
    library = pytest.importorskip("sherpa_onnx", reason="the extra sherpa is not installed")
    folder = save_tiny_identifier(tmp_path, all_language_codes="en,zh,de,es,fr,cs")
    whisper = library.SpokenLanguageIdentificationWhisperConfig(
        encoder=str(folder / "tiny-encoder.onnx"), decoder=str(folder / "tiny-decoder.onnx")
    )
    theirs = library.SpokenLanguageIdentification(library.SpokenLanguageIdentificationConfig(whisper=whisper))
    ours = SherpaIdentifier(folder)
    found = []
    for sound in SOUNDS:
        stream = theirs.create_stream()
        stream.accept_waveform(SAMPLE_RATE, sound)
        shares = ours.identify(sound.data, ours.languages)
        found.append(ours.languages[shares.index(max(shares))])
        assert found[-1] == theirs.compute(stream)
    assert len(set(found)) > 1


def test_all_of_half_a_minute_counts_and_nothing_after_it(tmp_path: Path) -> None:
    identifier = SherpaIdentifier(save_tiny_identifier(tmp_path))
    whole, early = noise(0.5, 31), noise(0.5, 31)
    early[30 * SAMPLE_RATE :] = 0
    assert identifier.identify(whole.data, ("en", "de")) == identifier.identify(early.data, ("en", "de"))
    early[29 * SAMPLE_RATE :] = 0
    assert identifier.identify(whole.data, ("en", "de")) != identifier.identify(early.data, ("en", "de"))


@pytest.mark.parametrize("key", ["is_multilingual", "n_mels", "n_text_layer", "n_text_ctx", "n_text_state", "sot"])
@pytest.mark.parametrize("value", [None, "", "many"])
def test_metadata_that_cannot_be_used_is_named(tmp_path: Path, key: str, value: str | None) -> None:
    with pytest.raises(EngineNotReady, match=key):
        _ = SherpaIdentifier(save_tiny_identifier(tmp_path, **{key: value})).languages


def test_a_model_that_tells_no_languages_apart_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineNotReady, match="English alone"):
        _ = SherpaIdentifier(save_tiny_identifier(tmp_path / "one", is_multilingual="0")).languages
    with pytest.raises(EngineNotReady, match=f"{len(LANGUAGES)} languages and 2 tokens"):
        _ = SherpaIdentifier(save_tiny_identifier(tmp_path / "two", all_language_tokens="11,12")).languages


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no encoder": (lambda folder: (folder / "tiny-encoder.onnx").unlink(), "encoder"),
    "no decoder": (lambda folder: (folder / "tiny-decoder.onnx").unlink(), "decoder"),
    "empty encoder": (lambda folder: (folder / "tiny-encoder.onnx").write_bytes(b""), "tiny-encoder"),
    "text for a decoder": (lambda folder: (folder / "tiny-decoder.onnx").write_bytes(b"<html>"), "tiny-decoder"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_folder_is_said_before_the_model_is_read(tmp_path: Path, fault: str) -> None:
    spoil, message = FAULTS[fault]
    folder = save_tiny_identifier(tmp_path)
    spoil(folder)
    with pytest.raises(EngineNotReady, match=message):
        _ = SherpaIdentifier(folder).languages


def test_a_model_that_does_not_fit_its_description_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    """Found out when it is first used: its files are as they should be, each by itself."""
    identifier = SherpaIdentifier(save_tiny_identifier(tmp_path, n_mels="128"))
    with pytest.raises(EngineNotReady, match=str(tmp_path)):
        identifier.identify(tone(300, 1).data, identifier.languages)
