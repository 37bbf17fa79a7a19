"""Laws of the network: damaged files never end the process, phrases are preferred, memory is given back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.core.request import Phrase
from dragoman.engines.sherpa.heard import Heard
from dragoman.engines.sherpa.library import Resources, check_resources
from dragoman.engines.sherpa.network import SherpaNetwork
from dragoman.engines.sherpa.onnx_file import read_onnx
from dragoman.engines.sherpa.phrases import hot_words
from tiny_sherpa import (
    FAVOURITE,
    KINDS,
    RIVAL,
    WORDS,
    ZH_WORDS,
    melody,
    save_transducer,
    tiny_folder,
    tiny_network,
    with_metadata,
)

pytestmark = pytest.mark.model

TRANSDUCERS = [kind for kind in KINDS if kind.endswith("transducer")]
LOADER = """
import json, sys
from pathlib import Path
from dragoman.core.errors import EngineNotReady
from dragoman.engines.sherpa.network import SherpaNetwork

for folder in sys.argv[1:]:
    try:
        SherpaNetwork(Path(folder)).load()
    except EngineNotReady as error:
        print(json.dumps([folder, error.message]), flush=True)
    else:
        print(json.dumps([folder, ""]), flush=True)
"""
QUIET_PROGRAM = """
import os, sys
from pathlib import Path

def forbid(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(event)

sys.addaudithook(forbid)
import numpy as np
from dragoman.engines.sherpa.network import SherpaNetwork

for folder in sys.argv[1:]:
    network = SherpaNetwork(Path(folder))
    network.load()
    noise = np.random.default_rng(0).uniform(-1, 1, 48_000).astype(np.float32)
    network.run(lambda go_on: network.hear(noise, "en", "", go_on))
opened = []
for number in os.listdir("/proc/self/fd"):
    try:
        opened.append(os.readlink(f"/proc/self/fd/{number}"))
    except FileNotFoundError:
        pass  # the list itself
print([name for name in opened if name.startswith("socket:")])
"""


def hear(network: SherpaNetwork, *bands: int, language: str = "en", phrases: str = "") -> Heard:
    return network.run(lambda go_on: network.hear(melody(*bands), language, phrases, go_on))


def damages(kind: str) -> Iterator[tuple[str, str, bytes]]:
    """What may be wrong with a file: the damage, the file and its content."""
    for file in sorted(tiny_folder(kind).iterdir()):
        whole = file.read_bytes()
        yield "cut", file.name, whole[: len(whole) // 2]
        yield "empty", file.name, b""
        yield "other", file.name, b"a 0\nb 1\n"
        yield "longer", file.name, whole + b"\0\0\0"
        if file.suffix == ".onnx":
            yield "strange", file.name, whole[:10] + bytes([whole[10] ^ 255]) + whole[11:]
            for key in read_onnx(file).metadata:
                without = whole.replace(key.encode(), b"?" * len(key))
                yield f"without-{key}", file.name, without
                yield f"odd-{key}", file.name, with_metadata(without, {key: "x-1"})
                yield f"negative-{key}", file.name, with_metadata(without, {key: "-7"})


HARMLESS = {"comment", "model_type", "normalize_type", "feat_dim", "url", "sot_sequence"}
"""Metadata without which, or with other values of which, some kinds can be loaded; the process goes on all the same."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_an_error_and_never_the_end_of_the_process(tmp_path: Path, kind: str) -> None:
    made: dict[str, str] = {}
    for at, (damage, name, content) in enumerate(damages(kind)):
        folder = shutil.copytree(tiny_folder(kind), tmp_path / f"{at}-{damage}")
        (folder / name).write_bytes(content)
        made[str(folder)] = name
    found = subprocess.run([sys.executable, "-c", LOADER, *made], capture_output=True, text=True, timeout=120)
    answers = dict(json.loads(line) for line in found.stdout.splitlines())
    assert found.returncode == 0, list(made)[len(answers)]
    assert list(answers) == list(made)
    believed = {Path(folder).name.split("-")[-1] for folder, error in answers.items() if not error}
    assert believed <= HARMLESS
    assert all(made[folder] in error or folder in error for folder, error in answers.items() if error)


def test_a_device_that_the_library_cannot_use_is_an_error_that_names_it() -> None:
    with pytest.raises(EngineNotReady, match="CUDA"):
        SherpaNetwork(tiny_folder("transducer"), Resources(device="cuda", int8=True)).load()


def test_a_model_larger_than_the_memory_allowed_is_not_loaded(tmp_path: Path) -> None:
    tiny_folder("transducer")  # skips where the extra is not installed
    (tmp_path / "encoder.onnx").write_bytes(bytes(2**21))
    with pytest.raises(EngineNotReady, match="gpu_memory_mb"):
        check_resources(Resources(device="cuda", gpu_memory_mb=1), [tmp_path / "encoder.onnx"])


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_network("transducer")
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    with pytest.raises(EngineNotReady, match=r"dragoman\[sherpa\]"):
        network.load()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_what_the_audio_says_when_it_says_it(kind: str) -> None:
    network = tiny_network(kind)
    network.load()
    heard = hear(network, 0, 5, 6, 2, 8)
    assert heard.text.strip() == "ALPHA FOXTROT CHARLIE HOTEL"
    tones_ms = [0, 320, 640, 960, 1280]
    assert not heard.starts_ms or all(
        abs(start - tone) <= 80 for start, tone in zip(heard.starts_ms, tones_ms, strict=True)
    )


@pytest.mark.parametrize("kind", ["sense_voice", "whisper"])
def test_the_language_that_is_asked_for_is_the_one_that_is_recognised(kind: str) -> None:
    network = tiny_network(kind)
    network.load()
    texts = [hear(network, 0, 1, 2, language=language).text.strip() for language in ("zh", "en", "zh")]
    assert texts == ["你好我", "ALPHA BRAVO CHARLIE", "你好我"]


@pytest.mark.parametrize("kind", TRANSDUCERS)
def test_a_phrase_is_preferred_where_it_was_nearly_as_likely_and_nowhere_else(kind: str) -> None:
    network = tiny_network(kind)
    network.load()
    favourite, rival = FAVOURITE.strip("▁"), RIVAL.strip("▁")
    at = WORDS.index(FAVOURITE)

    def said(*phrases: Phrase) -> str:
        return hear(network, 0, at, 8, phrases=hot_words(phrases, network.model.letters)).text.strip()

    assert network.prefers_phrases
    assert said() == f"ALPHA {favourite} HOTEL"
    assert said(Phrase(rival.lower())) == f"ALPHA {rival} HOTEL"
    assert said(Phrase(rival, 0)) == said(Phrase("golf")) == said()


@pytest.mark.parametrize("pieces", [False, True])
def test_phrases_of_characters_are_preferred_with_and_without_pieces(tmp_path: Path, pieces: bool) -> None:
    tiny_folder("transducer")  # skips where the extra is not installed
    save_transducer(tmp_path, ZH_WORDS, "门", pieces=pieces)
    network = SherpaNetwork(tmp_path)
    network.load()
    assert hear(network, 0, 3, language="zh").text == "你们"
    wished = hot_words([Phrase("门")], network.model.letters)
    assert hear(network, 0, 3, language="zh", phrases=wished).text == "你门"


def test_greedy_decoding_does_not_claim_to_prefer_phrases() -> None:
    assert not tiny_network("transducer", beam=1).prefers_phrases


def test_memory_that_was_given_back_is_taken_again_when_there_is_work() -> None:
    network = tiny_network("streaming_transducer")
    network.load()
    before = hear(network, 1, 2)
    network.give_back()
    assert not network.is_loaded
    assert hear(network, 1, 2) == before
    assert network.is_loaded


@pytest.mark.skipif(sys.platform != "linux", reason="what is open is listed in /proc")
def test_loading_and_recognising_open_no_socket() -> None:
    program = [sys.executable, "-c", QUIET_PROGRAM, *(str(tiny_folder(kind)) for kind in KINDS)]
    found = subprocess.run(program, capture_output=True, text=True, timeout=120)
    assert (found.stdout.strip(), found.returncode) == ("[]", 0), found.stderr
