"""Laws of the command line, on the real command with the engine that needs no model."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from command import Dragoman
from noise import LOUD, QUIET, noise_file

pytestmark = pytest.mark.unit

Sample = Callable[[str], Path]


@pytest.fixture
def dragoman(tmp_path: Path) -> Dragoman:
    return Dragoman(tmp_path)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, sample: Sample) -> list[Path]:
    """Three stretches of a real recording, the first one the longest."""
    folder = tmp_path_factory.mktemp("clips")
    paths = [folder / f"{name}.wav" for name in ("long", "short", "other")]
    with wave.open(str(sample("beckett"))) as whole:
        for path, seconds in zip(paths, (5, 1, 2), strict=True):
            with wave.open(str(path), "wb") as part:
                part.setparams(whole.getparams())
                part.writeframes(whole.readframes(seconds * whole.getframerate()))
    return paths


@pytest.fixture(scope="module")
def two_channels(tmp_path_factory: pytest.TempPathFactory, clips: list[Path]) -> Path:
    path = tmp_path_factory.mktemp("stereo") / "call.wav"
    with wave.open(str(clips[1])) as left, wave.open(str(clips[2])) as right, wave.open(str(path), "wb") as both:
        frames = [recording.readframes(left.getnframes()) for recording in (left, right)]
        both.setparams(left.getparams())
        both.setnchannels(2)
        width = left.getsampwidth()
        both.writeframes(b"".join(one[at : at + width] for at in range(0, len(frames[0]), width) for one in frames))
    return path


def test_transcripts_come_in_the_order_of_the_files(dragoman: Dragoman, clips: list[Path]) -> None:
    alone = [dragoman("transcribe", clip).stdout for clip in clips]
    assert all(alone)
    assert len(set(alone)) == 3
    together = dragoman("transcribe", *clips)
    assert (together.returncode, together.stdout, together.stderr) == (0, "".join(alone), "")


def test_more_workers_change_nothing(dragoman: Dragoman, clips: list[Path]) -> None:
    one, three = (dragoman("transcribe", "--workers", count, *clips).stdout for count in ("1", "3"))
    assert one == three != ""


def test_each_bad_file_gets_one_line_and_the_good_ones_complete(
    dragoman: Dragoman, clips: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "empty.wav").touch()
    with zipfile.ZipFile(tmp_path / "zip.wav", "w") as archive:
        archive.write(clips[0], "inside.wav")
    bad = [tmp_path / "missing.wav", tmp_path / "empty.wav", tmp_path / "zip.wav", tmp_path]
    result = dragoman("transcribe", clips[0], *bad, clips[1])
    assert result.returncode == 1
    assert result.stdout == dragoman("transcribe", clips[0], clips[1]).stdout
    lines = result.stderr.splitlines()
    assert len(lines) == len(bad)
    for line, path in zip(lines, bad, strict=True):
        assert line.startswith(f"dragoman: {path}: ")
        assert len(line) > len(f"dragoman: {path}: ") + 10


def test_when_every_file_is_bad_nothing_is_written(dragoman: Dragoman, tmp_path: Path) -> None:
    result = dragoman("transcribe", tmp_path / "a.wav", tmp_path / "b.wav", "--output", tmp_path / "out")
    assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (1, "", 2)
    assert not (tmp_path / "out").exists()


def test_standard_input_and_named_pipes_are_recordings_too(
    dragoman: Dragoman, clips: list[Path], tmp_path: Path
) -> None:
    expected = dragoman("transcribe", clips[0]).stdout
    content = clips[0].read_bytes()
    assert dragoman("transcribe", "-", given=content).stdout == expected
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()
    assert dragoman("transcribe", pipe).stdout == expected
    assert list(dragoman.spool.iterdir()) == []


def test_empty_standard_input_is_a_bad_file(dragoman: Dragoman) -> None:
    result = dragoman("transcribe", "-", given=b"")
    assert result.returncode == 1
    assert result.stderr.startswith("dragoman: -: ")


@pytest.mark.parametrize(
    ("arguments", "blamed"),
    [
        (["--format", "doc", "a.wav"], "doc"),
        (["--channels", "left", "a.wav"], "left"),
        (["--language", "klingon!", "a.wav"], "klingon"),
        (["--profile", "best", "a.wav"], "best"),
        (["--workers", "0", "a.wav"], "0"),
        (["--diarize", "--speakers", "0", "a.wav"], "1<=x<=20"),
        (["--diarize", "--speakers", "50", "a.wav"], "1<=x<=20"),
        (["--speakers", "2", "a.wav"], "--diarize"),
        (["--config", "missing.toml", "a.wav"], "missing.toml"),
        (["-", "-"], "Standard input"),
        ([], "FILE"),
    ],
)
def test_wrong_usage_is_status_2_and_names_what_is_wrong(dragoman: Dragoman, arguments: list[str], blamed: str) -> None:
    result = dragoman("transcribe", *arguments)
    assert result.returncode == 2
    assert blamed in result.stderr
    assert result.stdout == ""


def test_a_language_no_model_knows_is_wrong_usage_however_it_is_written(dragoman: Dragoman, clips: list[Path]) -> None:
    for language, status in (("de", 2), ("deu", 2), ("en-GB", 0), ("eng", 0)):
        result = dragoman("transcribe", "--language", language, clips[1])
        assert result.returncode == status
        assert ("`dragoman models pull " in result.stderr) == (status == 2)


def test_channels_are_mixed_split_or_chosen(dragoman: Dragoman, two_channels: Path) -> None:
    def heard(channels: str) -> set[int]:
        result = dragoman("transcribe", "--format", "json", "--channels", channels, two_channels)
        read = json.loads(result.stdout)
        assert {segment["channel"] for segment in read["segments"]} == set(read["channels"])
        return set(read["channels"])

    assert heard("mix") == {0}
    assert heard("split") == {0, 1}
    assert heard("1") == {1}
    result = dragoman("transcribe", "--channels", "7", two_channels)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"dragoman: {two_channels}: ")


def test_a_spool_folder_is_made_and_one_that_is_none_is_said_in_one_line(
    dragoman: Dragoman, clips: list[Path], tmp_path: Path
) -> None:
    assert dragoman("transcribe", clips[1], env={"DRAGOMAN_SPOOL_DIR": str(tmp_path / "new")}).returncode == 0
    file = tmp_path / "file"
    file.touch()
    result = dragoman("transcribe", clips[1], env={"DRAGOMAN_SPOOL_DIR": str(file)})
    assert result.returncode == 1
    assert result.stderr.startswith("dragoman: ")
    assert len(result.stderr.splitlines()) == 1


def test_output_is_utf_8_whatever_the_locale(tmp_path: Path, clips: list[Path]) -> None:
    dragoman = Dragoman(tmp_path, script={"texts": ["naïve ☃"]})
    result = dragoman("transcribe", clips[1], env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
    assert "naïve ☃" in result.stdout


def test_files_in_a_folder_are_those_of_standard_output(dragoman: Dragoman, clips: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    result = dragoman("transcribe", "--format", "srt", "--output", out, *clips)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert sorted(path.name for path in out.iterdir()) == ["long.srt", "other.srt", "short.srt"]
    for clip in clips:
        written = (out / f"{clip.stem}.srt").read_text(encoding="utf-8")
        assert written == dragoman("transcribe", "--format", "srt", clip).stdout != ""


def test_equal_names_do_not_overwrite_each_other(dragoman: Dragoman, clips: list[Path], tmp_path: Path) -> None:
    copies = [tmp_path / str(number) / "same.wav" for number in range(3)]
    for clip, copy in zip(clips, copies, strict=True):
        copy.parent.mkdir()
        copy.write_bytes(clip.read_bytes())
    out = tmp_path / "out"
    result = dragoman("transcribe", "--output", out, *copies)
    assert result.returncode == 0
    found = [(out / name).read_text() for name in ("same.txt", "same-2.txt", "same-3.txt")]
    assert found == [dragoman("transcribe", clip).stdout for clip in clips]
    assert [line.split(" will ")[0] for line in result.stderr.splitlines()] == [str(copies[1]), str(copies[2])]


def test_what_cannot_be_written_is_the_problem_of_that_file(
    dragoman: Dragoman, clips: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "long.txt").mkdir(parents=True)  # a folder where the transcript should be
    result = dragoman("transcribe", "--output", out, *clips)
    assert result.returncode == 1
    assert result.stderr.startswith(f"dragoman: {clips[0]}: cannot write {out / 'long.txt'}: ")
    assert len(result.stderr.splitlines()) == 1
    assert sorted(path.name for path in out.iterdir()) == ["long.txt", "other.txt", "short.txt"]


def test_an_input_is_never_overwritten(dragoman: Dragoman, clips: list[Path], tmp_path: Path) -> None:
    recording = tmp_path / "recording.txt"
    recording.write_bytes(clips[1].read_bytes())
    result = dragoman("transcribe", "--output", tmp_path, recording)
    assert result.returncode == 1
    assert recording.read_bytes() == clips[1].read_bytes()


def test_a_terminal_sees_progress_and_the_output_stays_clean(dragoman: Dragoman, clips: list[Path]) -> None:
    terminal, side = pty.openpty()
    with dragoman.start("transcribe", *clips, stderr=side) as process:
        os.close(side)
        seen = read_all(terminal)
        out = process.stdout.read().decode() if process.stdout else ""
    assert out == dragoman("transcribe", *clips).stdout
    assert re.search(r"\[[#.]+\]  \d of 3 files  0:0\d of 0:0\d\+?  \d+ x real time", seen)
    for clip in clips:
        assert clip.name in seen
    assert seen.rstrip("\r\n").endswith("\x1b[K")  # nothing is left of the line


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


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_stops_its_workers_and_cleans_up(
    tmp_path: Path, clips: list[Path], sent: signal.Signals, status: int
) -> None:
    dragoman = Dragoman(tmp_path, script={"seconds_per_second": 1000})
    terminal, side = pty.openpty()
    out = tmp_path / "out"
    command = ["transcribe", "--output", out, "-", clips[0]]
    with dragoman.start(*command, stdin=subprocess.PIPE, stderr=side) as process:
        os.close(side)
        assert process.stdin
        process.stdin.write(clips[1].read_bytes())
        process.stdin.close()
        assert "real time" in os.read(terminal, 65_536).decode()  # it is at work
        os.killpg(process.pid, sent)  # what a terminal does
        seen = read_all(terminal)
        assert process.wait(10) == status
    assert "Traceback" not in seen
    assert dragoman.survivors() == []
    assert list(dragoman.spool.iterdir()) == []
    assert not out.exists()


def test_a_reader_that_has_enough_ends_the_command_quietly(dragoman: Dragoman, clips: list[Path]) -> None:
    with dragoman.start("transcribe", *clips) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 1
    assert dragoman.survivors() == []


def test_a_worker_that_dies_costs_nothing_but_time(tmp_path: Path, clips: list[Path]) -> None:
    mishap = {"above": 0.0, "kind": "crash", "times": 1, "tally": str(tmp_path / "tally")}
    dragoman = Dragoman(tmp_path, script={"mishaps": [mishap]})
    result = dragoman("transcribe", *clips)
    assert (tmp_path / "tally").read_bytes()
    assert result.returncode == 0
    (tmp_path / "calm").mkdir()
    assert result.stdout == Dragoman(tmp_path / "calm")("transcribe", *clips).stdout


def test_help_and_version_load_nothing_heavy() -> None:
    program = (
        "import sys; import dragoman.server.cli.main;"
        "print(sorted({'numpy', 'av', 'onnxruntime', 'starlette', 'uvicorn', 'msgspec'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["transcribe", "serve", "doctor"])
def test_help_is_for_people(dragoman: Dragoman, command: str) -> None:
    assert command in dragoman("--help").stdout
    text = dragoman(command, "--help").stdout
    assert text.startswith(f"Usage: dragoman {command}") or text.startswith(f"Usage: -c {command}")
    assert all(len(line) <= 100 for line in text.splitlines())


def test_version_is_that_of_the_package(dragoman: Dragoman) -> None:
    from dragoman import __version__

    assert dragoman("--version").stdout == f"dragoman {__version__}\n"


def test_doctor_finds_a_sound_machine_sound(dragoman: Dragoman) -> None:
    result = dragoman("doctor", env={"DRAGOMAN_PORT": "0"})
    assert result.returncode == 0, result.stdout
    assert all(line.startswith("ok: ") for line in result.stdout.splitlines())
    for expected in ("Python", "moonshine-voice", "uploads wait", "port", "profile accurate"):
        assert expected in result.stdout


def test_doctor_says_what_is_wrong_and_what_to_do(dragoman: Dragoman, tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        environment = {
            "DRAGOMAN_PORT": str(taken.getsockname()[1]),
            "DRAGOMAN_SPOOL_DIR": str(tmp_path / "missing"),
            "DRAGOMAN_HOST": "0.0.0.0",
        }
        result = dragoman("doctor", env=environment)
    assert result.returncode == 1
    problems = [line for line in result.stdout.splitlines() if line.startswith("problem: ")]
    assert any(environment["DRAGOMAN_PORT"] in line for line in problems)
    assert any("set spool_dir" in line for line in problems)
    assert any("keys_file" in line for line in problems)
    assert "Traceback" not in result.stderr


def test_speakers_are_named_where_they_are_asked_for(dragoman: Dragoman, tmp_path: Path) -> None:
    talk = noise_file(tmp_path / "talk.wav", [(4, QUIET), (4, LOUD), (4, QUIET)])
    lines = dragoman("transcribe", "--diarize", talk).stdout.splitlines()
    assert list(dict.fromkeys(re.match(r"\[(.*?)\] ", line)[1] for line in lines)) == ["speaker 0", "speaker 1"]  # type: ignore[index]
    told = json.loads(dragoman("transcribe", "--diarize", "--format", "json", talk).stdout)
    plain = json.loads(dragoman("transcribe", "--format", "json", talk).stdout)
    assert {segment["speaker"] for segment in told["segments"]} == {0, 1}
    assert told["text"] == plain["text"]
    assert all("speaker" not in segment for segment in plain["segments"])
    alone = dragoman("transcribe", "--diarize", "--speakers", "1", "--format", "json", talk)
    assert {segment["speaker"] for segment in json.loads(alone.stdout)["segments"]} == {0}


@pytest.mark.parametrize("options", [["--speakers", "2"], *(["--diarize", "--speakers", n] for n in ("0", "50", "x"))])
def test_a_number_of_speakers_that_cannot_be_is_refused(
    dragoman: Dragoman, clips: list[Path], options: list[str]
) -> None:
    result = dragoman("transcribe", *options, clips[1])
    assert (result.returncode, result.stdout) == (2, "")
    assert "--speakers" in result.stderr


def test_a_recogniser_that_cannot_tell_speakers_apart_says_so(
    dragoman: Dragoman, clips: list[Path], tmp_path: Path
) -> None:
    script = tmp_path / "script.json"
    script.write_text('{"diarizes": false}')
    result = dragoman("transcribe", "--diarize", clips[1], env={"DRAGOMAN_FAKE_SCRIPT": str(script)})
    assert (result.returncode, result.stdout) == (2, "")
    assert "--diarize" in result.stderr
