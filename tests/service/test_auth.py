"""Keys and login tokens."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import AccessDenied
from dragoman.service.auth import ANONYMOUS, Authenticator, Identity, KeysFileError, read_keys

pytestmark = pytest.mark.unit

KEYS = {"alice": "correct-horse-battery-staple", "bob": "another-secret-of-some-length"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_secret_identifies_its_key_and_nothing_else_does() -> None:
    authenticator = Authenticator(KEYS)
    for key_id, secret in KEYS.items():
        assert authenticator.identify(secret) == Identity(key_id)
        for wrong in (key_id, secret + " ", secret[:-1], secret.upper(), "", None):
            with pytest.raises(AccessDenied):
                authenticator.identify(wrong)


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_but_a_secret_or_token_identifies(text: str) -> None:
    with pytest.raises(AccessDenied):
        Authenticator(KEYS).identify(text)


def test_without_keys_everyone_may_call() -> None:
    authenticator = Authenticator()
    token = authenticator.log_in("whoever", "whatever")
    assert not authenticator.keys_required
    assert {authenticator.identify(shown) for shown in (None, "", "anything", token.text)} == {ANONYMOUS}


def test_a_login_needs_the_id_and_the_secret_of_the_same_key() -> None:
    authenticator = Authenticator(KEYS)
    assert authenticator.log_in("alice", KEYS["alice"]).identity == Identity("alice")
    for username, password in [("alice", KEYS["bob"]), ("bob", "wrong"), ("", KEYS["alice"]), ("carol", "")]:
        with pytest.raises(AccessDenied):
            authenticator.log_in(username, password)


def test_a_token_expires_unless_it_persists() -> None:
    clock = Clock()
    authenticator = Authenticator(KEYS, clock=clock)
    short = authenticator.log_in("alice", KEYS["alice"])
    long = authenticator.log_in("alice", KEYS["alice"], persist=True)
    assert short.minutes is not None
    assert long.minutes is None
    clock.now += 60 * short.minutes - 1
    assert authenticator.identify(short.text) == Identity("alice")
    clock.now += 1
    with pytest.raises(AccessDenied):
        authenticator.identify(short.text)
    clock.now += 10 * 365 * 86_400
    assert authenticator.identify(long.text) == Identity("alice")


def test_a_token_survives_a_restart_but_not_a_change_of_its_key() -> None:
    token = Authenticator(KEYS).log_in("alice", KEYS["alice"], persist=True)
    assert Authenticator(KEYS).identify(token.text) == Identity("alice")
    for changed in ({**KEYS, "alice": "a new secret"}, {"bob": KEYS["bob"]}):
        with pytest.raises(AccessDenied):
            Authenticator(changed).identify(token.text)


@given(st.data())
def test_a_token_with_any_character_changed_is_refused(data: st.DataObject) -> None:
    authenticator = Authenticator(KEYS)
    token = authenticator.log_in("alice", KEYS["alice"]).text
    place = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters(exclude_categories=()).filter(lambda c: c != token[place]))
    with pytest.raises(AccessDenied):
        authenticator.identify(token[:place] + character + token[place + 1 :])


def test_a_token_of_a_server_without_keys_is_worth_nothing_to_one_with_keys() -> None:
    with pytest.raises(AccessDenied):
        Authenticator(KEYS).identify(Authenticator().log_in("alice", "", persist=True).text)


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
