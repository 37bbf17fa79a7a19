"""Token ids ↔ text, for the vocabulary file that lies beside the model.

The file is the pieces in the order of their ids, each preceded by its length: one byte, or two when the first is 128 or
more (low seven bits first). U+2581 stands for the space before a word. Ids 3 to 258 are the single bytes 0 to 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from dragoman.engines.words import spelt, words_of

UNKNOWN: Final = 0
BEGIN: Final = 1
END: Final = 2
_SPACE: Final = "\u2581".encode()
_FIRST_BYTE: Final = 3
_FIRST_MERGED: Final = _FIRST_BYTE + 256
_FIRST_OF_SEVERAL: Final = 0xC2
"""The lowest byte that begins a letter of several bytes in UTF-8."""
_NONE: Final = 1 << 30


class Tokenizer:
    def __init__(self, pieces: Sequence[bytes], language: str = "en") -> None:
        """``language`` says what a word is, ISO 639-1."""
        self.pieces = pieces
        self._language = language
        self._spaced = spelt("", language) == " "
        self._ids = {piece: token for token, piece in reversed(list(enumerate(pieces))) if token >= _FIRST_MERGED}
        self.encode_word = lru_cache(maxsize=50_000)(self._encode_word)
        self.begins_word = np.array([self._begins_word(piece) for piece in pieces])
        self.closes_word = np.array([self._closes_word(token, piece) for token, piece in enumerate(pieces)])
        """For each token whether a word before it is over when it comes: it begins one, or has no letter or digit."""

    @classmethod
    def read(cls, path: Path, language: str = "en", vocabulary: int = 0) -> Tokenizer:
        """``vocabulary``: how many tokens the model knows; those without a piece say nothing. Raises ``ValueError``
        when the file ends inside a piece, or has more pieces."""
        data = path.read_bytes()
        pieces = []
        at = 0
        while at < len(data):
            length = data[at]
            at += 1
            if length >= 128:
                length = data[at] * 128 + length - 128
                at += 1
            if at + length > len(data):
                raise ValueError(f"{path.name} is cut off")
            pieces.append(data[at : at + length])
            at += length
        if vocabulary and len(pieces) > vocabulary:
            raise ValueError(f"{path.name} has {len(pieces)} pieces, and the model {vocabulary} tokens")
        pieces += [b""] * (vocabulary - len(pieces))
        return cls(pieces, language)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of the tokens, outer spaces removed. Bytes that are no UTF-8 become U+FFFD."""
        return self._text(tokens).strip()

    def spaced(self, tokens: Sequence[int]) -> str:
        """The same with a space between any two words, also in languages that are written without."""
        return self.decode(tokens) if self._spaced else " ".join(text for text, _ in self.words(tokens))

    def words(self, tokens: Sequence[int]) -> list[tuple[str, range]]:
        """The words of the tokens, each with the range of tokens that it is made of."""
        if not self._spaced:
            return [(word.text, word.tokens) for word in words_of(tokens, self._text, self._language)]
        starts = [at for at, token in enumerate(tokens) if self.pieces[token].startswith(_SPACE) and token > END]
        if not starts or starts[0] != 0:
            starts.insert(0, 0)
        words = []
        for start, stop in zip(starts, [*starts[1:], len(tokens)], strict=True):
            text = self.decode(tokens[start:stop])
            if text:
                words.append((text, range(start, stop)))
        return words

    def _encode_word(self, word: str) -> tuple[int, ...]:
        """The tokens of one word as it stands in a text, with the space before it.

        As the model was trained: letter by letter, then the neighbours whose joint piece has the lowest id are joined,
        until none have one. What has no piece is spelt in bytes.
        """
        parts = [*([_SPACE] if self._spaced else []), *(letter.encode() for letter in word)]
        while True:
            ranks = [self._ids.get(a + b, _NONE) for a, b in pairwise(parts)]
            best = min(ranks, default=_NONE)
            if best == _NONE:
                break
            at = ranks.index(best)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        tokens: list[int] = []
        for part in parts:
            token = self._ids.get(part)
            tokens += [token] if token is not None else [_FIRST_BYTE + byte for byte in part]
        return tuple(tokens)

    def _text(self, tokens: Sequence[int]) -> str:
        return (
            b"".join(self.pieces[token] for token in tokens if token > END)
            .replace(_SPACE, b" ")
            .decode("utf-8", "replace")
        )

    def _begins_word(self, piece: bytes) -> bool:
        if self._spaced:
            return piece.startswith(_SPACE)
        begins_letter = len(piece) == 1 and piece[0] >= _FIRST_OF_SEVERAL
        return begins_letter or any(c.isalnum() for c in piece.decode("utf-8", "ignore"))

    def _closes_word(self, token: int, piece: bytes) -> bool:
        text = piece.decode("utf-8", "ignore")
        return token == END or self._begins_word(piece) or (bool(text) and not any(c.isalnum() for c in text))
