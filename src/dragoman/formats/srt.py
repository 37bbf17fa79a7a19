"""SubRip subtitles. The format has no escapes and no voices: a channel is named in brackets."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.core.transcript import Transcript
from dragoman.formats.cues import clock, cues


def _number(channel: int) -> str:
    return f"channel {channel}"


def render(transcript: Transcript, name: Callable[[int], str] = _number) -> str:
    """``name`` says what a channel is called; with one alone nobody asks."""
    labels = {channel: f"[{name(channel)}] " for channel in transcript.channels if len(transcript.channels) > 1}
    width = max(map(len, labels.values()), default=0)
    blocks = []
    for number, cue in enumerate(cues(transcript, label_width=width), start=1):
        label = labels.get(cue.channel, "")
        text = "\n".join(cue.lines).replace("-->", "→")  # an arrow in the text would be read as a line of times
        blocks.append(f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{label}{text}\n")
    return "\n".join(blocks)
