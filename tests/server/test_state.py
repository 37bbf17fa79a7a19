"""Where the server keeps what is to last."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.server.settings import Settings
from dragoman.server.state import state_folder
from dragoman.server.word_lists import build_database

pytestmark = pytest.mark.unit

SERVE = [sys.executable, "-c", "import sys; from dragoman.server.cli.main import main; sys.exit(main())", "serve"]


def test_it_is_where_the_settings_say_or_a_folder_of_this_user(tmp_path: Path, state: Path) -> None:
    assert state_folder(Settings(state_dir=tmp_path)) == tmp_path
    assert state_folder(Settings()) == state / "dragoman"


def test_the_database_is_a_file_in_it_or_the_one_of_the_settings(tmp_path: Path) -> None:
    odd = tmp_path / "a folder?with=odd&signs%20#"
    build_database(Settings(state_dir=odd)).prepare()
    assert [path.name for path in odd.glob("*.sqlite3")] == ["dragoman.sqlite3"]
    elsewhere = f"sqlite:///{tmp_path / 'else.sqlite3'}"
    build_database(Settings(state_dir=tmp_path / "unused", database_url=elsewhere)).prepare()
    assert (tmp_path / "else.sqlite3").is_file()
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("url", ["sqlite:////dev/null/below", "mysql://user:hidden-password@host/name"])
def test_a_database_that_cannot_be_used_stops_the_start_with_the_reason(tmp_path: Path, url: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'database_url = "{url}"\nspool_dir = "{tmp_path}"\n')
    command = [*SERVE, "--engine", "fake", "--port", "0", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "database" in done.stderr
    assert "hidden-password" not in done.stderr
    assert "Traceback" not in done.stderr
