"""How an unknown English word is pronounced: a joint n-gram over graphones (``tools/train_g2p.py`` trains it).

A graphone is one or two letters with the none, one or two phones they stand for (M. Bisani and H. Ney, "Joint-sequence
models for grapheme-to-phoneme conversion", 2008). Pure Python: the server process may ask for pronunciations too.
"""

from __future__ import annotations

import math
import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from dragoman.language.phonemes import Pronunciation

Graphone = tuple[str, Pronunciation]
_Gram = tuple[int, ...]

_MAGIC: Final = b"dragoman-g2p-1\n"
_OPEN, _CLOSE = 0, 1
"""Tokens around every word; graphone ``i`` is token ``i + 2``."""

_P_STEP, _P_LOWEST = 1 / 16, -255 / 16
_BACKOFF_STEP, _BACKOFF_LOWEST = 1 / 24, -8.0


class Link(NamedTuple):
    """Letters ``letters_start:letters_end`` of a word stand for the phones ``phones_start:phones_end``."""

    letters_start: int
    letters_end: int
    phones_start: int
    phones_end: int


class _Following(NamedTuple):
    """The tokens seen after a context, ``low:high`` of a level, and their log-probabilities."""

    tokens: array[int]
    p: bytes
    low: int
    high: int
    backoff: float
    """Added where a token was not seen and ``shorter``, the context without its first token, has to tell."""
    shorter: _Following | None


class GraphoneModel:
    """A back-off n-gram model as a trie, one level an order, in flat arrays.

    Level ``n`` holds the n-grams sorted by their tokens; the children of entry ``i`` lie at ``first[i]:first[i + 1]``
    of the next level. Log-probabilities and back-off weights are one byte each.
    """

    def __init__(
        self,
        graphones: Sequence[Graphone],
        tokens: list[array[int]],
        p: list[bytes],
        backoff: list[bytes],
        children: list[array[int]],
    ) -> None:
        self.graphones = tuple(graphones)
        self._tokens, self._p, self._backoff, self._children = tokens, p, backoff, children
        self._first = [array("I", accumulate(counts, initial=0)) for counts in children]
        self._following = lru_cache(maxsize=32_768)(self._find_following)

    @property
    def order(self) -> int:
        return len(self._tokens)

    @classmethod
    def build(
        cls, graphones: Sequence[Graphone], log_p: Mapping[_Gram, float], log_backoff: Mapping[_Gram, float]
    ) -> GraphoneModel:
        """From the log-probability of every n-gram and the back-off weight of every context."""
        levels: list[list[_Gram]] = [[] for _ in range(max(map(len, log_p)))]
        for gram in sorted(log_p):
            levels[len(gram) - 1].append(gram)
        children = []
        for level, below in pairwise(levels):
            counts = dict.fromkeys(level, 0)
            for gram in below:
                counts[gram[:-1]] += 1
            children.append(array("H", counts.values()))
        return cls(
            graphones,
            [array("H", (gram[-1] for gram in level)) for level in levels],
            [bytes(_quantise(log_p[gram], _P_STEP, _P_LOWEST) for gram in level) for level in levels],
            [
                bytes(_quantise(log_backoff.get(gram, 0.0), _BACKOFF_STEP, _BACKOFF_LOWEST) for gram in level)
                for level in levels[:-1]
            ],
            children,
        )

    def to_bytes(self) -> bytes:
        inventory = "\n".join(f"{letters} {' '.join(phones)}" for letters, phones in self.graphones).encode()
        parts = [struct.pack("<2I", len(inventory), self.order), inventory]
        for n in range(self.order):
            parts += [struct.pack("<I", len(self._tokens[n])), _little(self._tokens[n]), self._p[n]]
            if n < self.order - 1:
                parts += [self._backoff[n], _little(self._children[n])]
        return _MAGIC + zlib.compress(b"".join(parts), 9)

    @classmethod
    def from_bytes(cls, data: bytes) -> GraphoneModel:
        if not data.startswith(_MAGIC):
            raise ValueError("not a letter-to-sound model of this version")
        body = memoryview(zlib.decompress(data[len(_MAGIC) :]))
        length, order = struct.unpack_from("<2I", body)
        position = 8 + length
        graphones = []
        for line in bytes(body[8:position]).decode().split("\n"):
            letters, *phones = line.split()
            graphones.append((letters, tuple(phones)))
        tokens, p, backoff, children = [], [], [], []

        def take(size: int) -> bytes:
            nonlocal position
            position += size
            return bytes(body[position - size : position])

        for n in range(order):
            (count,) = struct.unpack("<I", take(4))
            tokens.append(_from_little(take(2 * count)))
            p.append(take(count))
            if n < order - 1:
                backoff.append(take(count))
                children.append(_from_little(take(2 * count)))
        return cls(graphones, tokens, p, backoff, children)

    def log_p(self, context: _Gram, token: int) -> float:
        """The natural logarithm of the probability of ``token`` after ``context``, at most ``order - 1`` tokens."""
        weight = 0.0
        following: _Following | None = self._following(context)
        while following is not None:
            tokens, p, low, high, backoff, shorter = following
            at = bisect_left(tokens, token, low, high)
            if at < high and tokens[at] == token:
                return weight + p[at] * _P_STEP + _P_LOWEST
            weight += backoff
            following = shorter
        raise KeyError(token)

    def _find_following(self, context: _Gram) -> _Following:
        """What may follow a context. One that was never seen is as good as its shorter one."""
        if not context:
            return _Following(self._tokens[0], self._p[0], 0, len(self._tokens[0]), 0.0, None)
        shorter = self._following(context[1:])
        node = self._find(context)
        if node < 0:
            return shorter
        level = len(context)
        first = self._first[level - 1]
        backoff = self._backoff[level - 1][node] * _BACKOFF_STEP + _BACKOFF_LOWEST
        return _Following(self._tokens[level], self._p[level], first[node], first[node + 1], backoff, shorter)

    def _find(self, context: _Gram) -> int:
        """Where a context stands in its level, or -1."""
        at = context[0]
        for level, token in enumerate(context[1:], 1):
            first = self._first[level - 1]
            low, high = first[at], first[at + 1]
            at = bisect_left(self._tokens[level], token, low, high)
            if at >= high or self._tokens[level][at] != token:
                return -1
        return at


class G2P:
    """Pronunciations of words from their letters, and which letters stand for which phones."""

    beam = 24
    longest = 40
    """Longer words are pronounced in pieces, so that time grows with length alone."""

    def __init__(self, model: GraphoneModel | None = None) -> None:
        self._model = model
        self._by_letters: dict[str, list[tuple[int, Pronunciation]]] = {}
        self._tokens: dict[Graphone, int] = {}
        self.pronounce = lru_cache(maxsize=8_192)(self._pronounce)
        self.align = lru_cache(maxsize=8_192)(self._align)

    def load(self) -> None:
        """Read the model that comes with the package."""
        if self._model is None:
            self._model = GraphoneModel.from_bytes(files("dragoman.language").joinpath("data/g2p-en.bin").read_bytes())

    @property
    def model(self) -> GraphoneModel:
        if self._model is None:
            self.load()
        assert self._model is not None
        if not self._by_letters:
            for token, (letters, phones) in enumerate(self._model.graphones, 2):
                self._by_letters.setdefault(letters, []).append((token, phones))
                self._tokens[letters, phones] = token
        return self._model

    def _pronounce(self, word: str) -> Pronunciation:
        """The likeliest pronunciation of a word. Characters other than a–z and the apostrophe say nothing."""
        model = self.model
        word = "".join(c for c in word.lower() if c in self._by_letters)
        phones: Pronunciation = ()
        for start in range(0, len(word), self.longest):
            phones += self._search(model, word[start : start + self.longest])
        return phones

    def _search(self, model: GraphoneModel, word: str) -> Pronunciation:
        """A beam over the letters. Ways to the same phones with the same last graphones are added up."""
        keep = model.order - 1
        states: list[dict[tuple[_Gram, Pronunciation], float]] = [{} for _ in range(len(word) + 1)]
        states[0][(_OPEN,), ()] = 0.0
        for at in range(len(word)):
            best = sorted(states[at].items(), key=lambda item: (-item[1], item[0]))[: self.beam]
            for size in (1, 2):
                for token, phones in self._by_letters.get(word[at : at + size], ()) if at + size <= len(word) else ():
                    following = states[at + size]
                    for (context, said), score in best:
                        key = ((*context, token)[-keep:], said + phones)
                        p = score + model.log_p(context, token)
                        other = following.get(key)
                        following[key] = p if other is None else _log_add(p, other)
        totals: dict[Pronunciation, float] = {}
        for (context, said), score in states[-1].items():
            p = score + model.log_p(context, _CLOSE)
            totals[said] = _log_add(p, totals[said]) if said in totals else p
        return max(totals, key=lambda said: (totals[said], said))

    def _align(self, letters: str, phones: Pronunciation) -> tuple[Link, ...]:
        """Which letters of a word stand for which phones of a given pronunciation, which need not be this model's.

        Links are in order and cover all letters and all phones. One that nothing was trained for costs much but stays
        possible, so every pair has an alignment; a character other than a–z and the apostrophe stands for nothing.
        """
        model = self.model
        n, m = len(letters), len(phones)
        # For each number of letters and of phones, by the last graphone: the cost so far and the link that led here.
        best: list[list[dict[_Gram, tuple[float, _Gram, tuple[int, int]]]]]
        best = [[{} for _ in range(m + 1)] for _ in range(n + 1)]
        best[0][0][_OPEN,] = (0.0, (), (0, 0))
        for i in range(n + 1):
            for j in range(m + 1):
                here = best[i][j]
                for a, b, unseen in _LINKS:
                    if i < a or j < b:
                        continue
                    token = self._tokens.get((letters[i - a : i], phones[j - b : j]))
                    last: _Gram = () if token is None else (token,)
                    for before, (cost, _, _) in best[i - a][j - b].items():
                        total = cost + (unseen if token is None else -model.log_p(before, token))
                        if last not in here or total < here[last][0]:
                            here[last] = (total, before, (a, b))
        links = []
        i, j = n, m
        last = min(best[n][m], key=lambda last: (best[n][m][last][0], last))
        while i or j:
            _, before, (a, b) = best[i][j][last]
            links.append(Link(i - a, i, j - b, j))
            i, j, last = i - a, j - b, before
        return tuple(reversed(links))


_LINKS: Final = ((1, 1, 16.0), (1, 0, 14.0), (1, 2, 24.0), (2, 1, 24.0), (0, 1, 18.0))
"""Letters and phones of a link, and the cost in nats of one that was never seen."""


def _log_add(a: float, b: float) -> float:
    return a + math.log1p(math.exp(b - a)) if a >= b else b + math.log1p(math.exp(a - b))


def _quantise(value: float, step: float, lowest: float) -> int:
    return max(0, min(255, round((value - lowest) / step)))


def _little(values: array[int]) -> bytes:
    if sys.byteorder == "big":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def _from_little(data: bytes) -> array[int]:
    values = array("H", data)
    if sys.byteorder == "big":
        values.byteswap()
    return values
