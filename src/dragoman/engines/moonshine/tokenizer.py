"""Token ids → text, for the vocabulary file that lies beside the model.

The file is the pieces in the order of their ids, each preceded by its length: one byte, or two when the first is 128 or
more (low seven bits first). U+2581 stands for the space before a word. Ids 3 to 258 are the single bytes 0 to 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

UNKNOWN: Final = 0
BEGIN: Final = 1
END: Final = 2
_SPACE: Final = "\u2581".encode()


class Tokenizer:
    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces

    @classmethod
    def read(cls, path: Path) -> Tokenizer:
        """Raises ``ValueError`` when the file ends inside a piece."""
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
        return cls(pieces)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of the tokens, outer spaces removed. Bytes that are no UTF-8 become U+FFFD."""
        return self._bytes(tokens).decode("utf-8", "replace").strip()

    def words(self, tokens: Sequence[int]) -> list[tuple[str, range]]:
        """The words of the tokens, each with the range of tokens that it is made of."""
        starts = [at for at, token in enumerate(tokens) if self.pieces[token].startswith(_SPACE) and token > END]
        if tokens and (not starts or starts[0] != 0):
            starts.insert(0, 0)
        words = []
        for start, stop in zip(starts, [*starts[1:], len(tokens)], strict=True):
            text = self.decode(tokens[start:stop])
            if text:
                words.append((text, range(start, stop)))
        return words

    def _bytes(self, tokens: Sequence[int]) -> bytes:
        return b"".join(self.pieces[token] for token in tokens if token > END).replace(_SPACE, b" ")
