"""Plain text: a line per segment, in the order of time. Lines name who speaks where there are several to tell apart."""

from __future__ import annotations

from dragoman.core.transcript import Transcript
from dragoman.formats.labels import NUMBERED, labels


def render(transcript: Transcript) -> str:
    said_by = {who: f"[{label}] " if label else "" for who, label in labels(transcript, NUMBERED).items()}
    return "".join(
        f"{said_by[segment.channel, segment.speaker]}{text}\n"
        for segment in transcript.segments
        if (text := " ".join(segment.text.split()))
    )
