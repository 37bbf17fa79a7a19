"""Telecomx's JSON, as its documents show it. A property without a value is left out."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class Character(Struct):
    text: str
    start: float
    end: float


class Word(Struct):
    """``start`` and ``end`` in seconds."""

    text: str
    start: float
    end: float
    type: Literal["word", "spacing", "audio_event"]
    speaker_id: str | UnsetType = UNSET
    characters: list[Character] | UnsetType = UNSET


class Transcription(Struct, kw_only=True):
    language_code: str
    language_probability: float | UnsetType = UNSET
    text: str
    words: list[Word] | UnsetType = UNSET


class Account(Struct):
    """What the platform says of the person who is logged in."""

    employee: str
    customer: str
    accessLevel: str
    name: str
    language: str


class Login(Account):
    token: str
    expiresInMinutes: int


class Validation(Account, kw_only=True):
    success: bool = True


class Error(Struct):
    """The columns of the error tables in the documents; no document shows the body of an error."""

    code: int
    message: str
    description: str
