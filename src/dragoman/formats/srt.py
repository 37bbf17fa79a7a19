"""SubRip subtitles. The format has no escapes and no voices: who speaks is named in brackets."""

from __future__ import annotations

from dragoman.core.transcript import Transcript
from dragoman.formats.cues import clock, cues
from dragoman.formats.labels import NUMBERED, Names, labels


def render(transcript: Transcript, names: Names = NUMBERED) -> str:
    said_by = {who: f"[{label}] " for who, label in labels(transcript, names).items() if label}
    width = max(map(len, said_by.values()), default=0)
    blocks = []
    for number, cue in enumerate(cues(transcript, label_width=width), start=1):
        label = said_by.get((cue.channel, cue.speaker), "")
        text = "\n".join(cue.lines).replace("-->", "→")  # an arrow in the text would be read as a line of times
        blocks.append(f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{label}{text}\n")
    return "\n".join(blocks)
