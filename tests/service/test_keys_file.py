"""The file of keys: what may be in it, how it changes, and what a running server makes of it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import stat
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.service.keys_file import (
    Key,
    KeysFileError,
    WatchedKeys,
    create_key,
    list_keys,
    read_keys,
    revoke_key,
)

pytestmark = pytest.mark.unit

KEYS = {"alice": "correct-horse-battery-staple", "bob": "another-secret-of-some-length"}
TODAY = date(2026, 11, 20)


def write(folder: Path, text: str) -> Path:
    path = folder / "keys"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_a_keys_file_may_hold_comments_and_blank_lines(tmp_path: Path) -> None:
    lines = ["# clients", "", *(f"  {key_id}\t{secret} " for key_id, secret in KEYS.items()), "\t# end"]
    assert read_keys(write(tmp_path, "\n".join(lines))) == KEYS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no keys"),
        ("# only a comment\n", "no keys"),
        ("alice", "line 1"),
        ("alice one two", "line 1"),
        ("a 0123456789abcdef0\n\na 0123456789abcdef1", "line 3"),
        ("a 0123456789abcdef0\nb 0123456789abcdef0", "line 2"),
        ("a schlüssel-zum-glück", "line 1"),
    ],
)
def test_a_faulty_keys_file_is_refused_without_telling_its_content(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(KeysFileError, match=complaint) as caught:
        read_keys(path)
    assert "0123456789" not in str(caught.value)


def test_a_missing_keys_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeysFileError, match="cannot read"):
        read_keys(tmp_path / "nothing")


def test_weak_protection_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, "alice short")
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        read_keys(path)
    assert "chmod 600" in caplog.text
    assert "shorter" in caplog.text
    assert "alice short" not in caplog.text


def test_a_new_key_has_the_shape_that_amazons_clients_expect(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    keys = [create_key(path, today=TODAY) for _ in range(20)]
    assert all(re.fullmatch(r"DGMN[A-Z0-9]{16}", key.key_id) for key in keys)
    assert all(re.fullmatch(r"[A-Za-z0-9+/]{40}", key.secret) for key in keys)
    assert read_keys(path) == {key.key_id: key.secret for key in keys}
    assert len({key.secret for key in keys}) == len(keys)


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_a_file_that_is_made_is_its_owners_and_one_that_is_there_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    umask = os.umask(0)
    try:
        create_key(path, today=TODAY)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o640)
        create_key(path, today=TODAY)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["keys"]


names = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=60).map(str.strip).filter(str.isprintable)


@given(st.lists(names, min_size=1, max_size=5))
def test_keys_are_listed_by_the_names_they_were_given(
    tmp_path_factory: pytest.TempPathFactory, given_names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("keys") / "keys"
    keys = [create_key(path, name, today=TODAY) for name in given_names]
    assert list_keys(path) == [Key(key.key_id, name, TODAY) for key, name in zip(keys, given_names, strict=True)]


def test_keys_written_by_hand_are_listed_with_the_comment_above_them(tmp_path: Path) -> None:
    path = write(tmp_path, f"#  the switchboard\nalice {KEYS['alice']}\n\nbob {KEYS['bob']}\n")
    assert list_keys(path) == [Key("alice", "the switchboard", None), Key("bob", "", None)]


@pytest.mark.parametrize("name", ["two\nlines", "tab\t", "x" * 101, "nul\0"])
def test_a_name_that_is_not_a_line_makes_no_key(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, f"alice {KEYS['alice']}\n")
    with pytest.raises(ValueError, match="name"):
        create_key(path, name, today=TODAY)
    assert read_keys(path).keys() == {"alice"}


def test_revoking_takes_the_key_and_what_was_written_of_it_and_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, f"# clients\n\n# by hand\n  alice\t{KEYS['alice']}\n")
    before = path.read_text()
    first = create_key(path, "first", today=TODAY)
    second = create_key(path, today=TODAY)
    revoke_key(path, first.key_id)
    assert path.read_text() == before + f"# created {TODAY}\n{second.key_id} {second.secret}\n"
    revoke_key(path, second.key_id)
    assert path.read_text() == before
    revoke_key(path, "alice")
    assert path.read_text() == "# clients\n\n# by hand\n"
    for gone in ("alice", first.key_id, "#", ""):
        with pytest.raises(KeyError):
            revoke_key(path, gone)


def test_a_faulty_file_is_not_written(tmp_path: Path) -> None:
    path = write(tmp_path, "alice\n")
    for change in (lambda: create_key(path, today=TODAY), lambda: revoke_key(path, "alice")):
        with pytest.raises(KeysFileError, match="line 1"):
            change()
    assert path.read_text() == "alice\n"
    assert [file.name for file in tmp_path.iterdir()] == ["keys"]


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    path = write(tmp_path, f"alice {KEYS['alice']}\n")
    link = tmp_path / "link"
    link.symlink_to(path)
    key = create_key(link, today=TODAY)
    assert link.is_symlink()
    assert key.key_id in read_keys(path)


def create_some(path: Path) -> None:
    for _ in range(5):
        create_key(path, today=TODAY)


def test_of_keys_made_at_once_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    processes = [multiprocessing.get_context("spawn").Process(target=create_some, args=(path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(read_keys(path)) == 15


def test_a_file_that_another_command_holds_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, f"alice {KEYS['alice']}\n")
    (tmp_path / "keys.new").touch()
    with pytest.raises(KeysFileError, match=r"keys\.new"):
        create_key(path, today=TODAY, wait_s=0)
    assert (tmp_path / "keys.new").exists()
    assert read_keys(path).keys() == {"alice"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watched(path: Path) -> tuple[WatchedKeys, Clock]:
    clock = Clock()
    return WatchedKeys(path, clock=clock).load(), clock


def test_a_change_of_the_file_is_seen_within_a_second_and_the_file_looked_at_no_oftener(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    first = create_key(path, today=TODAY)
    keys, clock = watched(path)
    same = keys()
    clock.now = 5.0
    assert keys() is same
    second = create_key(path, today=TODAY)
    clock.now += 0.5
    assert keys() is same
    clock.now += 0.5
    assert keys().keys() == {first.key_id, second.key_id}
    revoke_key(path, first.key_id)
    clock.now += 1
    assert keys() == {second.key_id: second.secret}


@pytest.mark.parametrize("content", ["alice", None, "bob 0123456789abcdef0\nbob 0123456789abcdef1", "\0\ud800"])
def test_a_file_that_becomes_faulty_or_is_gone_leaves_the_keys_and_is_logged_once(
    tmp_path: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, f"alice {KEYS['alice']}\n")
    keys, clock = watched(path)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
    for _ in range(3):
        clock.now += 1
        assert keys() == {"alice": KEYS["alice"]}
    assert sum(record.levelno == logging.ERROR for record in caplog.records) == 1
    assert not any(secret in caplog.text for secret in ("0123456789", KEYS["alice"]))
    write(tmp_path, f"bob {KEYS['bob']}\n")
    clock.now += 1
    assert keys() == {"bob": KEYS["bob"]}


def test_a_file_without_keys_any_more_leaves_nobody(tmp_path: Path) -> None:
    path = write(tmp_path, f"alice {KEYS['alice']}\n")
    keys, clock = watched(path)
    revoke_key(path, "alice")
    clock.now += 1
    assert keys() == {}
