"""Recall and precision of both halves, and what is found in the transcripts of real recordings."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.pii.score import Score, score
from benchmarks.pii.sentences import read_halves
from dragoman.analysis.redact import PiiType, find


def measure(audio: Path, say: Callable[[str], None] = print) -> dict[str, object]:
    """``say`` gets what was found in the recordings, to be judged by the reader."""
    half_a, half_b = read_halves()
    began = time.process_time()
    a, b = score(half_a), score(half_b)
    spent_s = time.process_time() - began
    words = sum(len(sentence.words) for sentence in (*half_a, *half_b))
    return {
        "half A": _figures(a),
        "half B": _figures(b),
        "us_a_word": round(1e6 * spent_s / words, 1),
        "recordings": _recordings(_transcripts(audio), say),
    }


def _figures(half: Score) -> dict[str, object]:
    types = {
        str(kind): {"right": half.right[kind], "missed": half.missed[kind], "false": half.false[kind]}
        for kind in PiiType
    }
    return {"recall": round(half.recall, 3), "precision": round(half.precision, 3), "types": types}


def _transcripts(audio: Path) -> list[list[str]]:
    """Of the English recordings, each text once."""
    lines = (audio / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    entries = map(json.loads, lines)
    texts = dict.fromkeys(entry["text"] for entry in entries if entry.get("lang") == "en" and entry.get("text"))
    return [text.split() for text in texts]


def _recordings(transcripts: list[list[str]], say: Callable[[str], None]) -> dict[str, int]:
    hits = [
        (entity.type, " ".join(words[entity.start_word : entity.stop_word]))
        for words in transcripts
        for entity in find(words)
    ]
    names = sorted({text for kind, text in hits if kind is PiiType.NAME})
    others = [(kind, text) for kind, text in hits if kind is not PiiType.NAME]
    for kind, text in others:
        say(f"    {kind}: {text}")
    say("    names: " + "; ".join(names))
    return {
        "transcripts": len(transcripts),
        "words": sum(map(len, transcripts)),
        "names": len(names),
        "hits_besides_names": len(others),
    }
