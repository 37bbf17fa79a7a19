"""WebVTT subtitles (W3C). Who speaks is a voice."""

from __future__ import annotations

from dragoman.core.transcript import Transcript
from dragoman.formats.cues import clock, cues
from dragoman.formats.labels import NUMBERED, labels


def render(transcript: Transcript) -> str:
    said_by = labels(transcript, NUMBERED)
    blocks = ["WEBVTT\n"]
    for cue in cues(transcript):
        label = said_by[cue.channel, cue.speaker]
        voice = f"<v {label.capitalize()}>" if label else ""
        text = _escape("\n".join(cue.lines))
        blocks.append(f"{clock(cue.start_ms, '.')} --> {clock(cue.end_ms, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
