"""Who says something: the channel where there are several, the speaker where speakers were told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dragoman.core.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Names:
    """What channels and speakers are called."""

    channel: Callable[[int], str]
    speaker: Callable[[int], str]


NUMBERED: Final = Names("channel {}".format, "speaker {}".format)


def labels(transcript: Transcript, names: Names) -> dict[tuple[int, int | None], str]:
    """By the channel and the speaker of a segment; empty where there is nobody to tell from anybody."""
    several = len(transcript.channels) > 1
    found = {}
    for channel, speaker in {(segment.channel, segment.speaker) for segment in transcript.segments}:
        parts = [names.channel(channel)] if several else []
        parts += [names.speaker(speaker)] if speaker is not None else []
        found[channel, speaker] = ", ".join(parts)
    return found
