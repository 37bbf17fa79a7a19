"""Keys on the command line, and what a running server makes of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from command import Dragoman

pytestmark = pytest.mark.unit


@pytest.fixture
def dragoman(tmp_path: Path) -> Dragoman:
    return Dragoman(tmp_path)


def create(dragoman: Dragoman, path: Path, *name: str) -> tuple[str, str]:
    result = dragoman("keys", "create", *name, "--file", path)
    assert result.returncode == 0, result.stderr
    key_id, secret = re.fullmatch(r"Access key id +(\S+)\nSecret +(\S+)\n", result.stdout).groups()  # type: ignore[union-attr]
    return key_id, secret


def test_a_key_is_made_listed_and_revoked(dragoman: Dragoman, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    named, first_secret = create(dragoman, path, "the switchboard")
    nameless, second_secret = create(dragoman, path)
    listed = dragoman("keys", "list", "--file", path)
    assert listed.returncode == 0
    lines = listed.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [named, nameless]
    assert lines[0].endswith("the switchboard")
    assert all(re.search(r" \d{4}-\d\d-\d\d\b", line) for line in lines)
    assert not any(secret in listed.stdout + listed.stderr for secret in (first_secret, second_secret))
    assert dragoman("keys", "revoke", named, "--file", path).returncode == 0
    assert dragoman("keys", "list", "--file", path).stdout.splitlines() == lines[1:]
    assert first_secret not in path.read_text()


def test_the_setting_says_which_file_and_otherwise_it_must_be_named(dragoman: Dragoman, tmp_path: Path) -> None:
    result = dragoman("keys", "create", env={"DRAGOMAN_KEYS_FILE": str(tmp_path / "keys")})
    assert result.returncode == 0
    assert (tmp_path / "keys").is_file()
    result = dragoman("keys", "create")
    assert result.returncode == 2
    assert "--file" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("revoke", "nobody"), 1, "nobody"),
        (("create", "two\nlines"), 2, "name"),
    ],
)
def test_what_cannot_be_done_is_a_line(
    dragoman: Dragoman, tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    path = tmp_path / "keys"
    create(dragoman, path)
    before = path.read_bytes()
    result = dragoman("keys", *arguments, "--file", path)
    assert (result.returncode, result.stdout) == (status, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert path.read_bytes() == before


def test_a_missing_file_has_nothing_to_list(dragoman: Dragoman, tmp_path: Path) -> None:
    result = dragoman("keys", "list", "--file", tmp_path / "nowhere")
    assert result.returncode == 1
    assert "nowhere" in result.stderr
    assert not (tmp_path / "nowhere").exists()
