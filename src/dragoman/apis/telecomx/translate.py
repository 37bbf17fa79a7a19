"""Telecomx's words ↔ ours. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET

from dragoman.apis.telecomx import wire
from dragoman.core.errors import InvalidField, NoSpeech
from dragoman.core.request import RecognitionRequest, SpeakerRequest, TimeDetail
from dragoman.core.spacing import space
from dragoman.core.transcript import Transcript, Word
from dragoman.language.tags import iso_639_1
from dragoman.service.auth import Identity, LoginToken
from dragoman.transport.form import Form

FIELDS: Final = frozenset({"engine", "file", "language", "tag_audio_events", "timestamps_granularity", "diarize"})
DEFAULT_ENGINE: Final = "FREE"
_DETAILS: Final = {"word": TimeDetail.WORD, "character": TimeDetail.CHARACTER, "none": TimeDetail.SEGMENT}
_ACCESS_LEVEL: Final = "OWNER"


def request(form: Form, engines: Mapping[str, str]) -> RecognitionRequest:
    """``engines``: their names of engines → our profiles."""
    form.allow_only(FIELDS)
    form.boolean("tag_audio_events", default=True)
    language = form.text("language")
    if language is not None:
        try:
            language = iso_639_1(language)
        except ValueError:
            raise InvalidField(
                "language must be a code of ISO 639-1 or ISO 639-3, such as en or eng.", field="language"
            ) from None
    detail = _DETAILS[form.choice("timestamps_granularity", _DETAILS) or "word"]
    diarize = form.boolean("diarize", default=False) and detail is not TimeDetail.SEGMENT
    return RecognitionRequest(
        language=language,
        time_detail=detail,
        speakers=SpeakerRequest() if diarize else None,
        profile=engines[form.choice("engine", engines) or DEFAULT_ENGINE],
    )


def transcription(transcript: Transcript, asked: RecognitionRequest) -> wire.Transcription:
    """Raises ``NoSpeech`` for an empty transcript.

    A language that the client named is certain; one that the server assumed was not detected, and has no probability.
    """
    if not transcript.text:
        raise NoSpeech("No speech was found in the audio file.")
    return wire.Transcription(
        language_code=transcript.language,
        text=transcript.text,
        language_probability=UNSET if asked.language is None else 1.0,
        words=UNSET if asked.time_detail is TimeDetail.SEGMENT else _words(transcript.words),
    )


def _words(words: tuple[Word, ...]) -> list[wire.Word]:
    """Between two words is a spacing item that lasts from the end of the one to the start of the other, where the
    language has spaces; it is of the speaker before it."""
    said: list[wire.Word] = []
    for word in words:
        if said and space(said[-1].text, word.text):
            before = said[-1]
            until = _seconds(word.start_ms)
            said.append(wire.Word(text=" ", start=before.end, end=until, type="spacing", speaker_id=before.speaker_id))
        said.append(_word(word))
    return said


def _word(word: Word) -> wire.Word:
    characters = [
        wire.Character(text=character.text, start=_seconds(character.start_ms), end=_seconds(character.end_ms))
        for character in word.characters
    ]
    return wire.Word(
        text=word.text,
        start=_seconds(word.start_ms),
        end=_seconds(word.end_ms),
        type="word",
        speaker_id=UNSET if word.speaker is None else f"speaker_{word.speaker}",
        characters=characters or UNSET,
    )


def _seconds(ms: int) -> float:
    return ms / 1000


@dataclass(frozen=True, slots=True)
class LoginForm:
    username: str
    password: str
    persist: bool
    cookie: bool


def login_form(form: Form) -> LoginForm:
    return LoginForm(
        username=form.text("username") or "",
        password=form.text("password") or "",
        persist=form.boolean("persist", default=False),
        cookie=form.boolean("cookie", default=False),
    )


def login(token: LoginToken) -> wire.Login:
    return wire.Login(
        **_account(token.identity),
        token=token.text,
        expiresInMinutes=-1 if token.minutes is None else token.minutes,
    )


def validation(identity: Identity) -> wire.Validation:
    return wire.Validation(**_account(identity))


def _account(identity: Identity) -> dict[str, Any]:
    """Ids have the form of the platform's: 24 hexadecimal digits, always the same for a key."""
    return {
        "employee": _object_id("employee", identity),
        "customer": _object_id("customer", identity),
        "accessLevel": _ACCESS_LEVEL,
        "name": identity.key_id,
        "language": "en",
    }


def _object_id(kind: str, identity: Identity) -> str:
    return hashlib.sha256(f"{kind} {identity.key_id}".encode()).hexdigest()[:24]
