"""What a client asks for, in our words. Every dialect translates into it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TimeDetail(StrEnum):
    """How finely times are wanted. Finer costs more: word times need a forced alignment of every segment."""

    SEGMENT = "segment"
    WORD = "word"
    CHARACTER = "character"


class ChannelMode(StrEnum):
    """Channels are mixed into one, or each is recognised by itself."""

    MIX = "mix"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class ChannelSelection:
    """Which channels to recognise. ``only`` names a subset by number (0-based); empty means all of them."""

    mode: ChannelMode = ChannelMode.MIX
    only: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> ChannelSelection:
        """``mix``, ``split``, or channel numbers such as ``0,1``. Raises ``ValueError`` on anything else."""
        if text == ChannelMode.MIX:
            return cls(ChannelMode.MIX)
        if text == ChannelMode.SPLIT:
            return cls(ChannelMode.SPLIT)
        parts = text.split(",")
        if not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
            raise ValueError(f"channels must be mix, split, or numbers such as 0,1; not {text!r}")
        return cls(ChannelMode.SPLIT, tuple(dict.fromkeys(int(part) for part in parts)))


@dataclass(frozen=True, slots=True)
class RecognitionRequest:
    """One recognition. ``language`` is an ISO 639-1 code, or ``None`` for the profile's own language.

    ``profile`` names a recogniser configuration (model and effort), see the setting ``profiles``.
    """

    language: str | None = None
    time_detail: TimeDetail = TimeDetail.WORD
    channels: ChannelSelection = ChannelSelection()
    profile: str = "default"
