"""The server process, with the scripted engine: what it prints, whom it serves, how it ends."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from dragoman.server.app import DIALECTS
from dragoman.server.serve import curl_lines, is_loopback, refuse_address
from dragoman.server.settings import Settings
from scripted import ScriptedPool, application

pytestmark = pytest.mark.unit

SERVE = [sys.executable, "-c", "import sys; from dragoman.server.cli.main import main; sys.exit(main())", "serve"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.10", False),
        ("", False),
        ("no-such-host.invalid", False),
    ],
)
def test_only_loopback_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_an_address_that_others_reach_needs_keys_or_an_explicit_wish(tmp_path: Path) -> None:
    refusal = refuse_address(Settings(host="0.0.0.0"))
    assert refusal is not None
    assert "--keys-file" in refusal
    assert "--insecure" in refusal
    assert refuse_address(Settings(host="0.0.0.0", insecure=True)) is None
    assert refuse_address(Settings(host="0.0.0.0", keys_file=tmp_path / "keys")) is None
    assert refuse_address(Settings()) is None


def test_every_dialect_has_an_example(tmp_path: Path) -> None:
    app = application(Settings(spool_dir=tmp_path), ScriptedPool())
    lines = curl_lines(app, "http://127.0.0.1:8080", keys=False)
    assert len(lines) == len(app.dialects)
    assert all(line.startswith("curl ") and "\n" not in line for line in lines)
    assert not any("DRAGOMAN_KEY" in line for line in lines)
    assert all("$DRAGOMAN_KEY" in line for line in curl_lines(app, "http://127.0.0.1:8080", keys=True))


@contextmanager
def started(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A running server with the fake engine, and what it printed until it was ready."""
    command = [*SERVE, "--port", "0", "--engine", "fake", "--workers", "1", *options]
    environment = {**os.environ, "DRAGOMAN_SPOOL_DIR": str(folder), "DRAGOMAN_STATE_DIR": str(folder / "state")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as server:
        try:
            assert server.stdout is not None
            printed = []
            for line in server.stdout:
                printed.append(line.rstrip())
                if line.startswith("Ready"):
                    break
            else:
                pytest.fail(f"the server ended with {server.wait()}")
            yield server, printed
        finally:
            if server.poll() is None:
                server.kill()


def base_url(printed: list[str]) -> str:
    return next(word.rstrip(".") for line in printed for word in line.split() if word.startswith("http://"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_printed_lines_work_as_they_are(tmp_path: Path) -> None:
    with started(tmp_path) as (_, printed):
        lines = [line.strip() for line in printed if line.strip().startswith("curl ")]
        assert len(lines) == len(DIALECTS)
        for line in lines:
            done = subprocess.run(
                line.replace("curl ", "curl --fail-with-body ", 1),
                shell=True,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, (line, done.stdout)
            assert any(name in done.stdout for name in ('"text":', '"Vocabularies":', '"words":', '"task"'))


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_printed_lines_work_with_a_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("alice a-secret-that-is-long-enough\n")
    keys.chmod(0o600)
    with started(tmp_path, "--keys-file", str(keys)) as (_, printed):
        lines = [line.strip() for line in printed if line.strip().startswith("curl ")]
        for key, succeeds in (("a-secret-that-is-long-enough", True), ("wrong", False)):
            for line in lines:
                done = subprocess.run(
                    line.replace("curl ", "curl --silent --fail ", 1),
                    shell=True,
                    capture_output=True,
                    env={**os.environ, "DRAGOMAN_KEY": key},
                    check=False,
                )
                assert (done.returncode == 0) is succeeds


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as (server, printed):
        assert httpx.get(f"{base_url(printed)}/readyz").status_code == 200
        server.send_signal(number)
        assert server.wait(timeout=20) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def refused(folder: Path, *options: str) -> str:
    command = [*SERVE, "--engine", "fake", *options]
    environment = {**os.environ, "DRAGOMAN_SPOOL_DIR": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_network_address_without_keys_is_not_served(tmp_path: Path) -> None:
    assert "--keys-file" in refused(tmp_path, "--host", "0.0.0.0", "--port", "0")


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert port in refused(tmp_path, "--port", port)


def test_a_missing_keys_file_is_named(tmp_path: Path) -> None:
    assert "nowhere" in refused(tmp_path, "--port", "0", "--keys-file", str(tmp_path / "nowhere"))


def test_more_ports_serve_the_same_and_are_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_MORE_PORTS", "[0, 0]")
    with started(tmp_path) as (_, printed):
        urls = [word.rstrip(".") for word in printed[0].split() if word.startswith("http://")]
        assert len(set(urls)) == 3
        assert [httpx.get(f"{url}/healthz").status_code for url in urls] == [200, 200, 200]


def test_one_of_more_ports_in_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        monkeypatch.setenv("DRAGOMAN_MORE_PORTS", f"[{port}]")
        assert port in refused(tmp_path, "--port", "0")


def test_a_port_that_is_named_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_MORE_PORTS", "[18082, 18082]")
    assert "18082" in refused(tmp_path, "--port", "0")
    monkeypatch.setenv("DRAGOMAN_MORE_PORTS", "[18082]")
    assert "18082" in refused(tmp_path, "--port", "0", "--tls", "auto", "--tls-port", "18082")


def test_more_ports_need_keys_on_a_network_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_MORE_PORTS", "[0]")
    assert "--keys-file" in refused(tmp_path, "--host", "0.0.0.0", "--port", "0")
