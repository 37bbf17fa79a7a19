"""Laws of ``dragoman models``, on the real command."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from command import Dragoman
from file_server import FileServer, serving

pytestmark = pytest.mark.unit

DATA = random.Random(3).randbytes(400_000)
NAME = "own-model"
WITNESS = """
import sys
seen = []
def hear(event, arguments):
    if event.startswith("socket."):
        seen.append(event)
sys.addaudithook(hear)
from dragoman.server.cli.main import main
status = main()
print("sockets:", *sorted(set(seen)), file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving({"model.bin": DATA}) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def catalogue(tmp_path: Path, server: FileServer) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(f"""
        [[model]]
        name = "{NAME}"
        task = "recognition"
        engine = "whisper"
        languages = ["en", "de"]
        licence = "MIT"
        source = "https://example.org/own"
        [[model.files]]
        path = "model.bin"
        size = {len(DATA)}
        sha256 = "{hashlib.sha256(DATA).hexdigest()}"
        url = "{server.url("model.bin")}"
    """)
    return path


@pytest.fixture
def dragoman(tmp_path: Path, folder: Path, catalogue: Path) -> Dragoman:
    command = Dragoman(tmp_path)
    command.environment |= {
        "DRAGOMAN_MODELS_DIR": str(folder),
        "DRAGOMAN_MODELS_CATALOGUE": str(catalogue),
        "DRAGOMAN_MIN_FREE_DISK_MB": "0",
    }
    return command


def installed(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("[!.]*")]


def listed(dragoman: Dragoman) -> dict[str, dict[str, object]]:
    facts = [json.loads(line) for line in dragoman("models", "list", "--json").stdout.splitlines()]
    return {fact["name"]: fact for fact in facts}


def test_a_model_goes_from_available_to_installed_to_removed(dragoman: Dragoman, folder: Path) -> None:
    assert listed(dragoman)[NAME]["state"] == "available"
    pulled = dragoman("models", "pull", NAME)
    assert (pulled.returncode, pulled.stderr) == (0, "")
    assert "MIT" in pulled.stdout
    fact = listed(dragoman)[NAME]
    assert (fact["state"], fact["folder"], fact["size"]) == ("installed", str(folder / NAME), len(DATA))
    assert dragoman("models", "verify").stdout == f"ok: {NAME}\n"
    assert dragoman("models", "pull", NAME).stdout == f"{NAME} is installed already, and whole.\n"
    assert NAME in dragoman("models", "list").stdout
    assert dragoman("models", "remove", NAME).returncode == 0
    assert installed(folder) == []
    assert listed(dragoman)[NAME]["state"] == "available"


def test_damage_is_said_with_what_to_do(dragoman: Dragoman, folder: Path) -> None:
    dragoman("models", "pull", NAME)
    (folder / NAME / "model.bin").write_bytes(DATA[1:])
    verified = dragoman("models", "verify")
    assert verified.returncode == 1
    assert "problem: own-model: model.bin has 399,999 bytes" in verified.stdout
    assert "dragoman models pull own-model" in verified.stdout
    fact = listed(dragoman)[NAME]
    assert (fact["state"], fact["remedy"]) == ("damaged", "dragoman models pull own-model")


def test_two_at_once_fetch_a_model_once(dragoman: Dragoman, server: FileServer, folder: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def half_way() -> None:
        begun.set()
        go_on.wait(30)

    server.half_way = half_way
    first = dragoman.start("models", "pull", NAME)
    assert begun.wait(30)
    second = dragoman.start("models", "pull", NAME)
    assert second.stderr is not None
    try:
        assert b"Another command is at own-model" in second.stderr.readline()
    finally:
        go_on.set()
    said = [process.communicate(timeout=30)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0]
    assert b"is installed:" in said[0]
    assert b"already" in said[1]
    assert len(server.asked) == 1
    assert (folder / NAME / "model.bin").read_bytes() == DATA


def test_an_interrupted_pull_installs_nothing_and_can_be_gone_on_with(
    dragoman: Dragoman, server: FileServer, folder: Path
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    ready, ended = threading.Event(), threading.Event()

    def half_way() -> None:
        ready.wait(30)
        started[0].send_signal(signal.SIGINT)
        ended.wait(30)

    server.half_way = half_way
    started.append(dragoman.start("models", "pull", NAME))
    ready.set()
    _, said = started[0].communicate(timeout=30)
    ended.set()
    assert started[0].returncode == 130
    assert b"own-model is as it was" in said
    assert b"Traceback" not in said
    assert installed(folder) == []
    server.half_way = lambda: None
    assert dragoman("models", "pull", NAME).returncode == 0
    assert (folder / NAME / "model.bin").read_bytes() == DATA


def test_a_disk_that_fills_up_leaves_nothing(dragoman: Dragoman, folder: Path) -> None:
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    pulled = dragoman("models", "pull", NAME, preexec_fn=small_disk)
    assert pulled.returncode == 1
    assert "is full" in pulled.stderr
    assert "models_dir" in pulled.stderr
    assert installed(folder) == []
    assert not list(folder.rglob("model.bin*"))


def test_a_break_is_said_in_a_line(dragoman: Dragoman, server: FileServer, folder: Path) -> None:
    server.break_after = 100_000
    pulled = dragoman("models", "pull", NAME)
    assert pulled.returncode == 1
    assert pulled.stderr.count("\n") == 1
    assert "127.0.0.1: the connection broke; the same command goes on" in pulled.stderr
    assert installed(folder) == []


def test_offline_no_command_opens_a_socket(dragoman: Dragoman, server: FileServer, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "model.bin").write_bytes(DATA)

    def sockets(*arguments: str | Path, offline: bool) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-c", WITNESS, "models", *map(str, arguments)],
            env={**dragoman.environment, "DRAGOMAN_OFFLINE": json.dumps(offline)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stderr.splitlines()[-1]

    assert sockets("pull", NAME, offline=True) == (1, "sockets:")
    assert sockets("add", NAME, "--path", stick, offline=True) == (0, "sockets:")
    for command in (["list"], ["verify"], ["pull", NAME], ["remove", NAME]):
        assert sockets(*command, offline=True) == (0, "sockets:")
    assert server.asked == []
    status, heard = sockets("pull", NAME, offline=False)
    assert status == 0
    assert "socket.connect" in heard  # so the witness is no bad one


def test_offline_says_how_to_install_all_the_same(dragoman: Dragoman) -> None:
    refused = dragoman("models", "pull", NAME, env={"DRAGOMAN_OFFLINE": "true"})
    assert refused.returncode == 1
    assert f"dragoman models add {NAME} --path FOLDER" in refused.stderr


def test_a_download_with_another_checksum_is_refused(dragoman: Dragoman, server: FileServer, folder: Path) -> None:
    server.files["model.bin"] = DATA[::-1]
    pulled = dragoman("models", "pull", NAME)
    assert (pulled.returncode, pulled.stderr.count("\n")) == (1, 1)
    assert "checksum" in pulled.stderr
    assert installed(folder) == []
    assert not list(folder.rglob("model.bin*"))


@pytest.mark.parametrize(("content", "fault"), [(None, "model.bin"), (DATA[1:], "399,999"), (DATA[::-1], "checksum")])
def test_a_brought_folder_that_is_not_whole_is_refused(
    dragoman: Dragoman, folder: Path, tmp_path: Path, content: bytes | None, fault: str
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    if content is not None:
        (stick / "model.bin").write_bytes(content)
    added = dragoman("models", "add", NAME, "--path", stick)
    assert (added.returncode, added.stderr.count("\n")) == (1, 1)
    assert fault in added.stderr
    assert installed(folder) == []


def test_a_typo_in_the_own_catalogue_is_wrong_usage(dragoman: Dragoman, catalogue: Path) -> None:
    catalogue.write_text(catalogue.read_text().replace('"whisper"', '"wisper"'))
    refused = dragoman("models", "list")
    assert refused.returncode == 2
    assert "model 'own-model'" in refused.stderr
    assert "engine" in refused.stderr


def test_a_model_of_ones_own_is_listed_with_its_description(dragoman: Dragoman, tmp_path: Path) -> None:
    trained = tmp_path / "trained"
    trained.mkdir()
    (trained / "weights").write_bytes(b"1")
    add = ("models", "add", "dialect", "--path", trained)
    assert dragoman(*add).returncode == 1
    assert dragoman(*add, "--engine", "sherpa", "--language", "klingon").returncode == 2
    done = dragoman(*add, "--engine", "sherpa", "--language", "de-AT", "--language", "deu", "--kind", "sense_voice")
    assert (done.returncode, done.stderr) == (0, "")
    fact = listed(dragoman)["dialect"]
    assert (fact["engine"], fact["languages"], fact["task"]) == ("sherpa", ["de"], "recognition")


def test_what_two_models_claim_is_said_until_the_profile_names_one(dragoman: Dragoman, tmp_path: Path) -> None:
    trained = tmp_path / "trained"
    trained.mkdir()
    (trained / "weights").write_bytes(b"1")

    def profiles(default: dict[str, object]) -> str:
        return json.dumps({"default": default, "accurate": {"engine": "fake"}})

    for name in ("one", "two"):
        dragoman("models", "add", name, "--path", trained, "--engine", "whisper", "--language", "de")
    dragoman.environment["DRAGOMAN_PROFILES"] = profiles({"engine": "whisper"})
    assert "profile default: one and two claim the same languages (de)" in dragoman("models", "list").stderr
    dragoman.environment["DRAGOMAN_PROFILES"] = profiles({"engine": "whisper", "models": ["two"]})
    assert dragoman("models", "list").stderr == ""
    assert {name: listed(dragoman)[name]["profiles"] for name in ("one", "two")} == {"one": [], "two": ["default"]}
    dragoman.environment["DRAGOMAN_PROFILES"] = profiles({"engine": "whisper", "models": ["three"]})
    assert "names the model three, which is not installed" in dragoman("models", "list").stderr


def test_progress_is_for_terminals_only(dragoman: Dragoman) -> None:
    primary, secondary = os.openpty()
    try:
        process = dragoman.start("models", "pull", NAME, stderr=secondary)
        process.communicate(timeout=30)
        os.close(secondary)
        shown = os.read(primary, 10_000)
    finally:
        os.close(primary)
    assert b"own-model  [" in shown
    assert b"of 0 MB" in shown
