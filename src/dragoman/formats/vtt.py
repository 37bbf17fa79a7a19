"""WebVTT subtitles (W3C). A channel is a voice."""

from __future__ import annotations

from dragoman.core.transcript import Transcript
from dragoman.formats.cues import clock, cues


def render(transcript: Transcript) -> str:
    voices = len(transcript.channels) > 1
    blocks = ["WEBVTT\n"]
    for cue in cues(transcript):
        voice = f"<v Channel {cue.channel}>" if voices else ""
        text = _escape("\n".join(cue.lines))
        blocks.append(f"{clock(cue.start_ms, '.')} --> {clock(cue.end_ms, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
