"""Telecomx's words ↔ ours. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from heapq import merge
from typing import Any, Final

from msgspec import UNSET, UnsetType

from dragoman.apis.telecomx import wire
from dragoman.core.errors import InvalidField, NoSpeech
from dragoman.core.request import LanguageChoice, RecognitionRequest, SpeakerRequest, TimeDetail
from dragoman.core.spacing import joined, space
from dragoman.core.transcript import AudioEvent, Segment, Transcript, Word
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
    engine = form.choice("engine", engines) or DEFAULT_ENGINE
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
        choice=LanguageChoice() if language is None else None,
        time_detail=detail,
        speakers=SpeakerRequest() if diarize else None,
        audio_events=form.boolean("tag_audio_events", default=engine != DEFAULT_ENGINE),
        profile=engines[engine],
    )


def transcription(transcript: Transcript, asked: RecognitionRequest) -> wire.Transcription:
    """Raises ``NoSpeech`` for an empty transcript.

    A language that the client named is certain; one that was assumed because there is no other, or no model that
    identifies languages, was not detected, and has no probability.
    """
    if not transcript.text:
        raise NoSpeech("No speech was found in the audio file.")
    probability: float | UnsetType = UNSET if asked.language is None else 1.0
    if transcript.languages:
        probability = transcript.languages[0].score
    is_timed = asked.time_detail is not TimeDetail.SEGMENT
    said = (part for each in transcript.segments for part in ((each.words if is_timed else ()) or (each,)))
    items = list(merge(map(_word, said), map(_audio_event, transcript.audio_events), key=_start))
    return wire.Transcription(
        language_code=transcript.language,
        text=joined(item.text for item in items),
        language_probability=probability,
        words=_spaced(items) if is_timed else UNSET,
    )


def _spaced(items: list[wire.Word]) -> list[wire.Word]:
    """Between two items is a spacing item that lasts from the end of the one to the start of the other, where the
    language has spaces; it is of the speaker before it."""
    spaced: list[wire.Word] = []
    for item in items:
        if spaced and space(spaced[-1].text, item.text):
            before = spaced[-1]
            start = min(before.end, item.start)
            spaced.append(
                wire.Word(text=" ", start=start, end=item.start, type="spacing", speaker_id=before.speaker_id)
            )
        spaced.append(item)
    return spaced


def _word(word: Word | Segment) -> wire.Word:
    """A word, or a segment as if it were one."""
    spoken = word.characters if isinstance(word, Word) else ()
    characters = [
        wire.Character(text=character.text, start=_seconds(character.start_ms), end=_seconds(character.end_ms))
        for character in spoken
    ]
    return wire.Word(
        text=word.text,
        start=_seconds(word.start_ms),
        end=_seconds(word.end_ms),
        type="word",
        speaker_id=UNSET if word.speaker is None else f"speaker_{word.speaker}",
        characters=characters or UNSET,
    )


def _audio_event(event: AudioEvent) -> wire.Word:
    return wire.Word(
        text=f"({event.label.lower()})",
        start=_seconds(event.start_ms),
        end=_seconds(event.end_ms),
        type="audio_event",
    )


def _start(item: wire.Word) -> float:
    return item.start


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
