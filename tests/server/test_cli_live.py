"""Laws of the commands that recognise speech while it is spoken, on the real commands with the engine that needs no
model.
"""

from __future__ import annotations

import json
import os
import pty
import random
import re
import signal
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from command import Dragoman
from noise import LOUD, QUIET, noise_file

pytestmark = pytest.mark.unit

RATE = 16_000

PORTAUDIO = """
import os, threading, types

class PortAudioError(Exception): ...

DEVICES = eval(os.environ["DEVICES"])
default = types.SimpleNamespace(device=(0, 0))

def query_hostapis():
    return [{"name": "ALSA"}]

def query_devices(device=None, kind=None):
    if kind is None:
        return DEVICES
    if device is not None and device not in range(len(DEVICES)):
        raise ValueError(f"No input device matching {device!r}")
    if not DEVICES:
        raise PortAudioError("Error querying device -1")
    return DEVICES[device or 0]

def check_input_settings(device, channels, dtype, samplerate):
    if samplerate != query_devices(device, "input")["default_samplerate"]:
        raise PortAudioError("Invalid sample rate")

class RawInputStream:
    def __init__(self, samplerate, blocksize, device, channels, dtype, callback, finished_callback):
        assert (channels, dtype) == (1, "int16")
        self._arguments = (blocksize, callback, finished_callback)
        self._thread = threading.Thread(target=self._record, daemon=True)

    def _record(self):
        blocksize, callback, ended = self._arguments
        status = types.SimpleNamespace(input_overflow=False)
        with open(os.environ["HEARD"], "rb") as heard:
            while block := heard.read(2 * blocksize):
                callback(memoryview(block), len(block) // 2, None, status)
        ended()

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *exception):
        pass
"""
ONE_DEVICE = [{"name": "Desk", "hostapi": 0, "max_input_channels": 1, "default_samplerate": 44_100.0}]


def loud(seconds: float, rate: int = RATE) -> bytes:
    return random.Random(1).randbytes(2 * round(seconds * rate))


@pytest.fixture
def dragoman(tmp_path: Path) -> Dragoman:
    return Dragoman(tmp_path)


@pytest.fixture
def clip(tmp_path: Path, sample: Callable[[str], Path]) -> Path:
    """The first two seconds of a real recording."""
    path = tmp_path / "clip.wav"
    with wave.open(str(sample("beckett"))) as whole, wave.open(str(path), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(2 * whole.getframerate()))
    return path


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def until(process: subprocess.Popen[bytes], kind: str) -> bytes:
    """What it says up to the first event of this kind."""
    assert process.stdout
    seen = b""
    for line in process.stdout:
        seen += line
        if json.loads(line)["event"] == kind:
            return seen
    raise AssertionError(f"no {kind} in {seen!r}")


def finals(read: list[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in read if event["event"] == "final"]


def test_raw_audio_on_standard_input_becomes_lines_and_all_of_it_is_heard(dragoman: Dragoman) -> None:
    said = dragoman("listen", "-", given=loud(7))
    told = dragoman("listen", "--format", "json", "-", given=loud(7))
    assert (said.returncode, said.stderr, told.returncode, told.stderr) == (0, "", 0, "")
    read = events(told.stdout)
    assert said.stdout.splitlines() == finals(read) != []
    assert read[-1]["event"] == "finished"
    assert read[-1]["duration_ms"] == 7_000


def test_pieces_of_odd_sizes_change_nothing(dragoman: Dragoman) -> None:
    audio = loud(2)
    with dragoman.start("listen", "--rate", "8000", "-", stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        sizes = random.Random(2)
        at = 0
        while at < len(audio):
            size = sizes.choice([1, 3, 999, 5_001])
            process.stdin.write(audio[at : at + size])
            process.stdin.flush()
            at += size
        process.stdin.close()
        out = process.stdout.read().decode()
    assert out == dragoman("listen", "--rate", "8000", "-", given=audio).stdout != ""


def test_the_rate_says_how_long_the_audio_is(dragoman: Dragoman) -> None:
    for rate in ("8000", "48000"):
        result = dragoman("listen", "--format", "json", "--rate", rate, "-", given=bytes(2 * 48_000))
        assert events(result.stdout)[-1]["duration_ms"] == 48_000_000 // int(rate)


def test_segments_come_one_after_the_other_and_a_final_replaces_its_partials(dragoman: Dragoman) -> None:
    read = events(dragoman("listen", "--format", "json", "-", given=loud(12)).stdout)
    assert {event["event"] for event in read} >= {"speech_started", "final", "speech_ended", "finished"}
    open_index = None
    for event in read[:-1]:
        if event["event"] == "speech_started":
            assert open_index is None
            open_index = event["index"]
        assert event["index"] == open_index
        if event["event"] == "speech_ended":
            open_index = None
    indices = [event["index"] for event in read if event["event"] == "final"]
    assert indices == sorted(set(indices))
    assert all(0 <= event["stable_words"] <= len(event["words"]) for event in read if event["event"] == "partial")


def test_a_final_is_written_while_the_audio_goes_on(dragoman: Dragoman) -> None:
    with dragoman.start("listen", "-", stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(loud(12))
        process.stdin.flush()
        assert process.stdout.readline().strip()
        process.stdin.close()


def test_an_interrupt_ends_the_audio_and_the_last_words_still_appear(dragoman: Dragoman) -> None:
    with dragoman.start("listen", "--format", "json", "-", stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(loud(2))
        process.stdin.flush()
        seen = until(process, "partial")
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does
        seen += process.stdout.read()
        assert process.stderr.read() == b""
        assert process.wait(10) == 0
    assert len(finals(events(seen.decode()))) == 1
    assert dragoman.survivors() == []


@pytest.mark.parametrize(("sent", "status"), [([signal.SIGINT] * 2, 130), ([signal.SIGTERM], 143)])
def test_a_second_interrupt_and_a_termination_end_at_once(
    tmp_path: Path, sent: list[signal.Signals], status: int
) -> None:
    dragoman = Dragoman(tmp_path, script={"seconds_per_second": 1000})
    with dragoman.start("listen", "--format", "json", "-", stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(loud(2))
        process.stdin.flush()
        until(process, "speech_started")
        for number in sent[:-1]:
            os.killpg(process.pid, number)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)  # it is still at the last words
        os.killpg(process.pid, sent[-1])
        assert process.wait(10) == status
        assert b"Traceback" not in process.stderr.read()
    assert dragoman.survivors() == []


def test_a_terminal_sees_words_appear_and_keeps_the_finals(dragoman: Dragoman) -> None:
    terminal, side = pty.openpty()
    environment = {"TERM": "xterm", "COLUMNS": "20"}
    with dragoman.start("listen", "-", stdin=subprocess.PIPE, stdout=side, env=environment) as process:
        os.close(side)
        assert process.stdin
        process.stdin.write(loud(7))
        process.stdin.close()
        seen = read_all(terminal)
        assert process.wait(10) == 0
    drawn = re.findall(r"\r\x1b\[K([^\r\n]*\x1b\[2m[^\r\n]*)\x1b\[0m", seen)
    assert drawn
    assert all(len(line.replace("\x1b[2m", "")) < 20 for line in drawn)
    kept = [line.rpartition("\r\x1b[K")[2] for line in seen.replace("\r\n", "\n").split("\n")]
    assert "\n".join(kept) == dragoman("listen", "-", given=loud(7)).stdout


def read_all(terminal: int) -> str:
    """Until the other side is closed."""
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 65_536)
        except OSError:  # how Linux says it
            chunk = b""
        if not chunk:
            os.close(terminal)
            return b"".join(chunks).decode()
        chunks.append(chunk)


def test_a_reader_that_has_enough_ends_the_command_quietly(dragoman: Dragoman) -> None:
    with dragoman.start("listen", "-", stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.write(loud(7))
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 1
    assert dragoman.survivors() == []


def test_phrases_are_preferred_and_what_is_wrong_with_them_is_said(dragoman: Dragoman, tmp_path: Path) -> None:
    (tmp_path / "phrases.txt").write_text("Grosvenor Square\n$nosuchclass\n")
    result = dragoman("listen", "--phrases", tmp_path / "phrases.txt", "-", given=loud(2))
    assert result.returncode == 0
    assert "Grosvenor Square" in result.stdout
    assert "$nosuchclass" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "blamed"),
    [
        (["stream"], "FILE"),
        (["stream", "missing.wav"], "missing.wav"),
        (["stream", "--speed", "0", __file__], "--speed"),
        (["stream", "--profile", "best", __file__], "best"),
        (["stream", "--speakers", "2", __file__], "--diarize"),
        (["listen", "--speakers", "2", "-"], "--diarize"),
        (["listen", "audio.raw"], "audio.raw"),
        (["listen", "--rate", "7999", "-"], "7999"),
        (["listen", "--device", "1", "-"], "--device"),
        (["listen", "--language", "de", "-"], "--language"),
        (["listen", "--format", "srt", "-"], "srt"),
    ],
)
def test_wrong_usage_is_status_2_and_names_what_is_wrong(dragoman: Dragoman, arguments: list[str], blamed: str) -> None:
    result = dragoman(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert blamed in result.stderr


def test_a_recording_is_played_to_its_end(dragoman: Dragoman, clip: Path) -> None:
    said = dragoman("stream", "--speed", "50", clip)
    told = events(dragoman("stream", "--speed", "50", "--format", "json", clip).stdout)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.splitlines() == finals(told) != []
    assert told[-1]["duration_ms"] == 2_000
    assert dragoman.survivors() == []


@pytest.mark.parametrize("command", ["stream", "listen"])
def test_speakers_are_named(dragoman: Dragoman, tmp_path: Path, command: str) -> None:
    talk = noise_file(tmp_path / "talk.wav", [(6, QUIET), (6, LOUD)])
    options = ["--diarize", "--speakers", "2"]
    if command == "stream":
        said = dragoman("stream", "--speed", "20", *options, talk)
    else:
        said = dragoman("listen", *options, "-", given=talk.read_bytes()[44:])
    assert (said.returncode, said.stderr) == (0, "")
    lines = said.stdout.splitlines()
    assert lines[0].startswith("[speaker 0] ")
    assert lines[-1].startswith("[speaker 1] ")


def test_a_file_that_is_no_recording_is_named_with_the_reason(dragoman: Dragoman, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a recording at all\n" * 100)
    result = dragoman("stream", text)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"dragoman: {text}: ")
    assert len(result.stderr.splitlines()) == 1


def test_an_interrupted_recording_is_recognised_as_far_as_it_was_played(
    dragoman: Dragoman, sample: Callable[[str], Path]
) -> None:
    with dragoman.start("stream", "--format", "json", sample("two_cities")) as process:
        assert process.stdout
        seen = until(process, "partial")
        os.killpg(process.pid, signal.SIGINT)
        seen += process.stdout.read()
        assert process.wait(10) == 130
    read = events(seen.decode())
    assert finals(read)
    assert read[-1]["event"] == "finished"
    assert dragoman.survivors() == []


def microphone(tmp_path: Path, program: str, devices: object = ONE_DEVICE, heard: bytes = b"") -> dict[str, str]:
    """The environment with an audio library as the program says."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "sounddevice.py").write_text(program)
    (tmp_path / "heard").write_bytes(heard)
    return {
        "PYTHONPATH": str(tmp_path / "library"),
        "DEVICES": repr(devices),
        "HEARD": str(tmp_path / "heard"),
    }


@pytest.mark.parametrize(
    ("program", "devices", "advice"),
    [
        ("raise ModuleNotFoundError", [], "dragoman[listen]"),
        ("raise OSError('PortAudio library not found')", [], "libportaudio2"),
        (PORTAUDIO, [], "--list-devices"),
    ],
)
def test_a_microphone_that_is_not_there_is_said_with_what_to_do(
    dragoman: Dragoman, tmp_path: Path, program: str, devices: object, advice: str
) -> None:
    result = dragoman("listen", env=microphone(tmp_path, program, devices))
    assert (result.returncode, result.stdout) == (1, "")
    assert advice in result.stderr
    assert "| dragoman listen -" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_input_devices_are_listed(dragoman: Dragoman, tmp_path: Path) -> None:
    speaker = {"name": "Speaker", "hostapi": 0, "max_input_channels": 0}
    result = dragoman("listen", "--list-devices", env=microphone(tmp_path, PORTAUDIO, [*ONE_DEVICE, speaker]))
    assert (result.returncode, result.stdout) == (0, "*  0  Desk, ALSA\n")


def test_what_the_microphone_hears_is_written_at_the_rate_it_has(dragoman: Dragoman, tmp_path: Path) -> None:
    heard = loud(2, 44_100)
    result = dragoman("listen", "--format", "json", env=microphone(tmp_path, PORTAUDIO, heard=heard))
    read = events(result.stdout)
    assert finals(read) == [dragoman("listen", "--rate", "44100", "-", given=heard).stdout.strip()]
    assert read[-1]["duration_ms"] == 2_000
    assert "delivers nothing any more" in result.stderr  # it was unplugged
    assert result.returncode == 1


def test_a_recogniser_that_is_behind_is_said_once_and_nothing_is_lost_in_silence(tmp_path: Path) -> None:
    dragoman = Dragoman(tmp_path, script={"texts": ["one"]})
    environment = microphone(tmp_path, PORTAUDIO, heard=loud(90, 44_100))
    result = dragoman("listen", "--format", "json", env=environment)
    assert result.stderr.count("behind") == 1
    lost_ms = 90_000 - events(result.stdout)[-1]["duration_ms"]
    assert lost_ms >= 0
    assert result.stderr.count("lost") == (lost_ms > 0)


def test_help_is_for_people(dragoman: Dragoman) -> None:
    for command in ("listen", "stream"):
        assert command in dragoman("--help").stdout
        assert all(len(line) <= 100 for line in dragoman(command, "--help").stdout.splitlines())
