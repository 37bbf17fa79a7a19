"""Plain text: a line per segment, in the order of time. Lines name their channel when there are several."""

from __future__ import annotations

from dragoman.core.transcript import Transcript


def render(transcript: Transcript) -> str:
    labelled = len(transcript.channels) > 1
    return "".join(
        f"[channel {segment.channel}] {text}\n" if labelled else f"{text}\n"
        for segment in transcript.segments
        if (text := " ".join(segment.text.split()))
    )
