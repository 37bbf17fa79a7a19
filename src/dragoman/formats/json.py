"""Our own JSON, everything a transcript holds; ``docs/reference/transcript-json.md`` describes it.

One line per transcript, so that several make JSON Lines.
"""

from __future__ import annotations

import json
from typing import Any

from dragoman.core.transcript import AudioEvent, Character, Segment, Transcript, Word


def render(transcript: Transcript) -> str:
    document = {
        "language": transcript.language,
        "model": transcript.model,
        "duration_ms": transcript.duration_ms,
        "channels": transcript.channels,
        "text": transcript.text,
        "segments": [segment_fields(segment) for segment in transcript.segments],
    }
    if transcript.changes:
        document["changes"] = [{"at_ms": change.at_ms, "channel": change.channel} for change in transcript.changes]
    if transcript.audio_events:
        document["audio_events"] = [_audio_event(event) for event in transcript.audio_events]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def segment_fields(segment: Segment) -> dict[str, Any]:
    """A segment as it stands in the document."""
    return {
        "index": segment.index,
        "channel": segment.channel,
        **({} if segment.speaker is None else {"speaker": segment.speaker}),
        "start_ms": segment.start_ms,
        "end_ms": segment.end_ms,
        "text": segment.text,
        "confidence": round(segment.confidence, 4),
        "words": [_word(word, segment.speaker) for word in segment.words],
    }


def _word(word: Word, speaker: int | None) -> dict[str, Any]:
    """``speaker`` is that of the segment."""
    said: dict[str, Any] = {
        "text": word.text,
        "start_ms": word.start_ms,
        "end_ms": word.end_ms,
        "confidence": round(word.confidence, 4),
    }
    if word.speaker != speaker:
        said["speaker"] = word.speaker
    if word.characters:
        said["characters"] = [_character(character) for character in word.characters]
    return said


def _audio_event(event: AudioEvent) -> dict[str, Any]:
    return {
        "label": event.label,
        "start_ms": event.start_ms,
        "end_ms": event.end_ms,
        "score": round(event.score, 4),
        "channel": event.channel,
    }


def _character(character: Character) -> dict[str, Any]:
    return {"text": character.text, "start_ms": character.start_ms, "end_ms": character.end_ms}
