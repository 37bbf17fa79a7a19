"""SubRip subtitles. The format has no escapes and no voices: a channel is named in brackets."""

from __future__ import annotations

from dragoman.core.transcript import Transcript
from dragoman.formats.cues import clock, cues


def render(transcript: Transcript) -> str:
    width = max(len(_label(channel)) for channel in transcript.channels) if len(transcript.channels) > 1 else 0
    blocks = []
    for number, cue in enumerate(cues(transcript, label_width=width), start=1):
        label = _label(cue.channel) if width else ""
        text = "\n".join(cue.lines).replace("-->", "→")  # an arrow in the text would be read as a line of times
        blocks.append(f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{label}{text}\n")
    return "\n".join(blocks)


def _label(channel: int) -> str:
    return f"[channel {channel}] "
