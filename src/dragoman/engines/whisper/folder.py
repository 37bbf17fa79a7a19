"""A folder with a Whisper model in CTranslate2's format: what must be in it, and which languages it knows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from dragoman.core.errors import EngineNotReady

_FILES: Final = ("model.bin", "config.json", "tokenizer.json")
_VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
"""One of them; the second is what older conversions have."""
_ENGLISH_ONLY: Final = 51_864
"""Entries of the vocabulary of a model that knows English alone."""
_LANGUAGE: Final = re.compile(r"<\|([a-z]{2,3})\|>")
_WHISPER_CODES: Final = {"jv": "jw"}
"""ISO 639-1 → Whisper, where they differ."""
_ISO_CODES: Final = {whisper: iso for iso, whisper in _WHISPER_CODES.items()}


def language_token(language: str) -> str:
    return f"<|{_WHISPER_CODES.get(language, language)}|>"


def iso_language(code: str) -> str | None:
    """Whisper's code of a language → ISO 639-1, in which Hawaiian and Cantonese have none."""
    return _ISO_CODES.get(code, code) if len(code) == 2 else None


def languages_of(folder: Path) -> tuple[str, ...]:
    """ISO 639-1, English first. Raises ``EngineNotReady`` with what to do when the folder is not complete."""
    if not folder.is_dir():
        raise EngineNotReady(f"there is no folder {folder}; name one with a Whisper model in CTranslate2's format")
    missing = [name for name in _FILES if not (folder / name).is_file()]
    vocabulary = next((folder / name for name in _VOCABULARIES if (folder / name).is_file()), None)
    if vocabulary is None:
        missing.append(_VOCABULARIES[0])
    if missing or vocabulary is None:
        raise EngineNotReady(f"the Whisper model in {folder} is not complete, put there: {', '.join(missing)}")
    try:
        tokens = _tokens(vocabulary)
    except (OSError, ValueError) as error:
        raise EngineNotReady(f"{vocabulary} cannot be read, put the model there again: {error}") from error
    if len(tokens) <= _ENGLISH_ONLY:
        return ("en",)
    found = (iso_language(match[1]) for token in tokens if (match := _LANGUAGE.fullmatch(token)))
    return tuple(dict.fromkeys(language for language in found if language is not None))


def _tokens(vocabulary: Path) -> list[str]:
    text = vocabulary.read_text(encoding="utf-8")
    if vocabulary.suffix == ".txt":
        return text.removesuffix("\n").split("\n")
    tokens = json.loads(text)
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ValueError("it is not a list of tokens")
    return tokens
