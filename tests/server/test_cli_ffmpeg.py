"""What another program made of real speech, in the formats people have: the same words come out."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from command import Dragoman

pytestmark = pytest.mark.ffmpeg

WORDS = {"tried", "failed", "matter", "again", "better"}
VIDEO = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-shortest"]
FORMATS = {
    "pcm_u8.wav": ["-c:a", "pcm_u8"],
    "pcm_s24.wav": ["-c:a", "pcm_s24le", "-ar", "96000"],
    "float.wav": ["-c:a", "pcm_f32le", "-ar", "44100"],
    "mulaw.wav": ["-c:a", "pcm_mulaw", "-ar", "8000"],
    "adpcm.wav": ["-c:a", "adpcm_ms"],
    "rf64.wav": ["-rf64", "always"],
    "big_endian.aiff": [],
    "lossless.flac": [],
    "alac.m4a": ["-c:a", "alac"],
    "aac.m4a": ["-c:a", "aac", "-ac", "2"],
    "stream.aac": ["-c:a", "aac", "-f", "adts"],
    "layer3.mp3": ["-c:a", "libmp3lame", "-b:a", "48k"],
    "vorbis.ogg": ["-c:a", "libvorbis", "-ac", "2"],
    "opus.opus": ["-c:a", "libopus", "-b:a", "24k"],
    "opus.webm": ["-c:a", "libopus"],
    "windows.wma": ["-c:a", "wmav2"],
    "film.mp4": [*VIDEO, "-c:v", "mpeg4", "-c:a", "aac"],
    "film.mkv": [*VIDEO, "-c:v", "mpeg4", "-c:a", "ac3"],
    "film.ts": [*VIDEO, "-c:v", "mpeg2video", "-c:a", "mp2"],
}


def ffmpeg(*arguments: str | Path) -> bytes:
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def dragoman(tmp_path_factory: pytest.TempPathFactory) -> Dragoman:
    return Dragoman(tmp_path_factory.mktemp("command"), engine="moonshine")


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


def test_every_usual_format_is_read(dragoman: Dragoman, sample: Callable[[str], Path], tmp_path: Path) -> None:
    recordings = [tmp_path / name for name in FORMATS]
    for recording, options in zip(recordings, FORMATS.values(), strict=True):
        ffmpeg("-i", sample("beckett"), *options, recording)
    result = dragoman("transcribe", "--format", "json", *recordings)
    assert (result.returncode, result.stderr) == (0, "")
    found = {name: json.loads(line) for name, line in zip(FORMATS, result.stdout.splitlines(), strict=True)}
    assert {name: WORDS - words(read["text"]) for name, read in found.items()} == {name: set() for name in FORMATS}
    true_ms = json.loads(dragoman("transcribe", "--format", "json", sample("beckett")).stdout)["duration_ms"]
    assert {name: read["duration_ms"] for name, read in found.items()} == pytest.approx(
        dict.fromkeys(FORMATS, true_ms), abs=150
    )


@pytest.mark.parametrize("container", ["wav", "mp3", "ogg", "matroska", "flac"])
def test_a_pipe_from_another_program_is_read_to_its_end(
    dragoman: Dragoman, sample: Callable[[str], Path], container: str
) -> None:
    """Such a file has no length in its header, or a wrong one: the writer could not go back."""
    content = ffmpeg("-i", sample("beckett"), "-f", container, "-")
    result = dragoman("transcribe", "-", given=content)
    assert (result.returncode, result.stderr) == (0, "")
    assert words(result.stdout) >= WORDS
