"""Laws of the network: damaged files, work that nobody waits for, memory given back, and no connections."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dragoman.core.errors import EngineNotReady
from dragoman.engines.whisper.network import Resources, WhisperNetwork
from tiny_whisper import tiny_folder, tiny_network

pytestmark = pytest.mark.model

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 48_000).astype(np.float32)
QUIET_PROGRAM = """
import os, sys
from pathlib import Path

def forbid(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(event)

sys.addaudithook(forbid)
import numpy as np
from dragoman.core.request import RecognitionRequest
from dragoman.engines.whisper.engine import WhisperEngine
from dragoman.engines.whisper.network import WhisperNetwork

engine = WhisperEngine(WhisperNetwork(Path(sys.argv[1])))
engine.load()
noise = np.random.default_rng(0).uniform(-1, 1, 48_000).astype(np.float32)
assert engine.recognise(noise.data, RecognitionRequest(), lambda: False).words
opened = []
for number in os.listdir("/proc/self/fd"):
    try:
        opened.append(os.readlink(f"/proc/self/fd/{number}"))
    except FileNotFoundError:
        pass  # the list itself
print([name for name in opened if name.startswith("socket:")])
"""


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut_weights(folder: Path) -> None:
    cut(folder / "model.bin")


def lengthen(path: Path) -> None:
    path.write_bytes(b"\0" * 16 + path.read_bytes())


def shorten_list(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text())[1:]))


def drop_specials(path: Path) -> None:
    tokenizer = json.loads(path.read_text())
    tokenizer["added_tokens"] = []
    path.write_text(json.dumps(tokenizer))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.bin", cut),
        ("model.bin", empty),
        ("model.bin", lengthen),
        ("config.json", cut),
        ("config.json", empty),
        ("tokenizer.json", cut),
        ("tokenizer.json", drop_specials),
        ("vocabulary.json", cut),
        ("vocabulary.json", shorten_list),
    ],
)
def test_a_damaged_file_is_an_error_that_names_the_folder(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    folder = shutil.copytree(tiny_folder(), tmp_path / "damaged")
    damage(folder / name)
    with pytest.raises(EngineNotReady, match="damaged"):
        WhisperNetwork(folder).load()


def test_a_device_that_is_not_there_is_an_error_that_names_it() -> None:
    network = WhisperNetwork(tiny_folder(), Resources(device="cuda", device_index=99))
    with pytest.raises(EngineNotReady, match="cuda"):
        network.load()


def test_a_model_larger_than_the_memory_allowed_is_not_loaded() -> None:
    network = WhisperNetwork(tiny_folder(), Resources(device="cuda", gpu_memory_mb=1))
    with pytest.raises(EngineNotReady, match="gpu_memory_mb"):
        network.load()


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_network()
    for name in ("ctranslate2", "faster_whisper"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineNotReady, match=r"dragoman\[whisper\]"):
        network.load()


def test_memory_that_was_given_back_is_taken_again_when_there_is_work() -> None:
    network = tiny_network()
    network.load()

    def said(go_on: Callable[[], None]) -> list[int]:
        return network.decode(network.encode(NOISE), "en", [()], 3.0, 1)[0].tokens

    before = network.run(said)
    network.give_back()
    assert not network.is_loaded
    assert network.run(said) == before
    assert network.is_loaded


def test_no_more_is_decoded_than_the_audio_can_hold() -> None:
    network = tiny_network()
    network.load()
    (heard,) = network.run(lambda go_on: network.decode(network.encode(NOISE), "en", [()], 0.0, 1))
    assert len(heard.tokens) == 16
    assert not heard.complete


@pytest.mark.skipif(sys.platform != "linux", reason="what is open is listed in /proc")
def test_loading_and_recognising_open_no_socket() -> None:
    program = [sys.executable, "-c", QUIET_PROGRAM, str(tiny_folder())]
    found = subprocess.run(program, capture_output=True, text=True, env=dict(os.environ), timeout=120)
    assert (found.stdout.strip(), found.returncode) == ("[]", 0), found.stderr


@pytest.mark.parametrize(("damage", "says"), [(shutil.rmtree, "can no longer be read"), (cut_weights, "was replaced")])
def test_what_changed_on_the_disk_while_the_memory_was_given_back_is_said_until_it_is_mended(
    tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    folder = shutil.copytree(tiny_folder(), tmp_path / "model")
    network = WhisperNetwork(folder)
    network.load()
    network.give_back()
    damage(folder)
    for _ in range(2):
        with pytest.raises(EngineNotReady, match=says):
            network.run(lambda go_on: network.encode(NOISE))
    shutil.copytree(tiny_folder(), folder, dirs_exist_ok=True)
    network.run(lambda go_on: network.encode(NOISE))
