"""Keys and login tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import AccessDenied
from dragoman.service.auth import ANONYMOUS, Authenticator, Identity

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
    assert authenticator.is_open
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


def test_a_secret_is_known_by_its_id_alone() -> None:
    authenticator = Authenticator(KEYS)
    assert {key_id: authenticator.secret(key_id) for key_id in KEYS} == KEYS
    assert [authenticator.secret(other) for other in ("", "ALICE", KEYS["alice"])] == [None] * 3
    assert Authenticator().secret("alice") is None


def test_keys_that_are_configured_and_empty_serve_nobody() -> None:
    authenticator = Authenticator({})
    assert not authenticator.is_open
    for shown in (None, "", "anything", Authenticator().log_in("alice", "").text):
        with pytest.raises(AccessDenied):
            authenticator.identify(shown)
    with pytest.raises(AccessDenied):
        authenticator.log_in("", "")


def test_a_key_ends_and_begins_with_the_keys_that_are_there_now() -> None:
    now = dict(KEYS)
    authenticator = Authenticator(lambda: now)
    token = authenticator.log_in("alice", KEYS["alice"], persist=True).text
    now = {"bob": KEYS["bob"], "carol": "a-third-secret-that-is-new"}
    assert authenticator.identify(now["carol"]) == Identity("carol")
    assert authenticator.identify(now["bob"]) == Identity("bob")
    assert authenticator.secret("alice") is None
    for shown in (KEYS["alice"], token):
        with pytest.raises(AccessDenied):
            authenticator.identify(shown)
    now = dict(KEYS)
    assert authenticator.identify(token) == Identity("alice")
