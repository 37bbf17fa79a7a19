"""Trains the letter-to-sound model of ``dragoman.language.g2p`` on the CMUdict of the pocketsphinx wheel.

    python tools/train_g2p.py --held-out          # error rates on 5 % of the words, trained on the others
    python tools/train_g2p.py --output src/dragoman/language/data/g2p-en.bin

Letters and phones of every entry are aligned many to many by expectation maximisation over four kinds of move (a letter
to none, one or two phones; two letters to one phone). The aligned pairs, "graphones", become the tokens of an n-gram
model with interpolated, modified Kneser-Ney discounts, cut down to the n-grams that matter most and quantised to one
byte. The same input gives the same file to the byte.
"""

from __future__ import annotations

import argparse
import math
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dragoman.language.g2p import G2P, Graphone, GraphoneModel
from dragoman.language.lexicon import Lexicon
from dragoman.language.phonemes import PHONEMES, Pronunciation

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
LETTER_ID = {letter: i for i, letter in enumerate(LETTERS)}
PHONE_ID = {phone: i for i, phone in enumerate(PHONEMES)}
Entry = tuple[str, Pronunciation]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOVES = ((1, 0), (1, 1), (1, 2), (2, 1))
"""Letters and phones one graphone may take."""


def entries(lexicon: Lexicon) -> list[Entry]:
    """Every entry that is written in letters alone and can be aligned by the moves."""
    return [
        (word, phones)
        for word in lexicon.words()
        if set(word) <= set(LETTERS)
        for phones in lexicon.pronunciations(word)
        if len(phones) <= 2 * len(word) and len(word) <= 2 * len(phones) + 6
    ]


def held_out(word: str) -> bool:
    """One word in twenty, by a checksum: the split depends on nothing but the word."""
    return zlib.crc32(word.encode()) % 20 == 0


RAREST = 4
"""Entries with a graphone seen less often are mostly abbreviations ("ltd") and are left out."""


class Alignment:
    """Expectation maximisation over all entries, vectorised over the entries of equal lengths."""

    def __init__(self, data: Sequence[Entry]) -> None:
        shapes: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index, (word, phones) in enumerate(data):
            shapes[len(word), len(phones)].append(index)
        self.data = data
        self.batches = [
            (
                indices,
                np.array([[LETTER_ID[c] for c in data[i][0]] for i in indices]),
                np.array([[PHONE_ID[p] for p in data[i][1]] for i in indices]),
            )
            for _, indices in sorted(shapes.items())
        ]
        n, m = len(LETTERS), len(PHONEMES)
        self.sizes = {(1, 0): n, (1, 1): n * m, (1, 2): n * m * m, (2, 1): n * n * m}
        self.probability = {move: np.full(size, 1.0) for move, size in self.sizes.items()}
        self._normalise()

    def _normalise(self) -> None:
        total = sum(float(p.sum()) for p in self.probability.values())
        for p in self.probability.values():
            p /= total

    @staticmethod
    def _codes(move: tuple[int, int], letters: Ints, phones: Ints, i: int, j: int) -> Ints:
        """The graphone of this move that ends after ``i`` letters and ``j`` phones, for each entry of a batch."""
        n, m = len(LETTERS), len(PHONEMES)
        match move:
            case (1, 0):
                return letters[:, i - 1]
            case (1, 1):
                return letters[:, i - 1] * m + phones[:, j - 1]
            case (1, 2):
                return (letters[:, i - 1] * m + phones[:, j - 2]) * m + phones[:, j - 1]
            case _:
                return (letters[:, i - 2] * n + letters[:, i - 1]) * m + phones[:, j - 1]

    def _cells(self, letters: Ints, phones: Ints) -> Iterable[tuple[int, int, tuple[int, int], Ints]]:
        for i in range(letters.shape[1] + 1):
            for j in range(phones.shape[1] + 1):
                for move in MOVES:
                    if i >= move[0] and j >= move[1]:
                        yield i, j, move, self._codes(move, letters, phones, i, j)

    def step(self) -> float:
        """One iteration. Returns the log-likelihood of the data under the previous parameters."""
        counts = {move: np.zeros(size) for move, size in self.sizes.items()}
        likelihood = 0.0
        for _, letters, phones in self.batches:
            cells = list(self._cells(letters, phones))
            shape = (letters.shape[1] + 1, phones.shape[1] + 1, len(letters))
            forward, backward = np.zeros(shape), np.zeros(shape)
            forward[0, 0] = 1.0
            for i, j, move, code in cells:
                forward[i, j] += forward[i - move[0], j - move[1]] * self.probability[move][code]
            total = forward[-1, -1]
            possible = total > 0
            backward[-1, -1, possible] = 1.0 / total[possible]
            likelihood += float(np.log(total[possible]).sum())
            for i, j, move, code in reversed(cells):
                p = self.probability[move][code] * backward[i, j]
                backward[i - move[0], j - move[1]] += p
                counts[move] += np.bincount(
                    code, weights=p * forward[i - move[0], j - move[1]], minlength=self.sizes[move]
                )
        self.probability = counts
        self._normalise()
        return likelihood

    def best(self) -> list[list[Graphone]]:
        """The likeliest graphones of every entry; an entry that cannot be aligned is left out."""
        log = {}
        with np.errstate(divide="ignore"):
            for move, p in self.probability.items():
                log[move] = np.log(p)
        found: dict[int, list[Graphone]] = {}
        for indices, letters, phones in self.batches:
            score = np.full((letters.shape[1] + 1, phones.shape[1] + 1, len(letters)), -np.inf)
            choice = np.zeros(score.shape, np.int8)
            score[0, 0] = 0.0
            for i, j, move, code in self._cells(letters, phones):
                candidate = score[i - move[0], j - move[1]] + log[move][code]
                better = candidate > score[i, j]
                score[i, j][better] = candidate[better]
                choice[i, j][better] = MOVES.index(move)
            for k, index in enumerate(indices):
                if score[-1, -1, k] == -np.inf:
                    continue
                word, pronunciation = self.data[index]
                i, j, path = len(word), len(pronunciation), []
                while i or j:
                    a, b = MOVES[choice[i, j, k]]
                    path.append((word[i - a : i], pronunciation[j - b : j]))
                    i, j = i - a, j - b
                found[index] = path[::-1]
        return [found[index] for index in sorted(found)]


Gram = tuple[int, ...]


class KneserNey:
    """Interpolated, modified Kneser-Ney estimates of all orders, written as a back-off model.

    ``log_p`` holds every n-gram seen, ``log_backoff`` every context. Token 0 opens and token 1 closes a word.
    """

    def __init__(self, sentences: Iterable[Gram], order: int) -> None:
        self.order = order
        self.counts: list[Counter[Gram]] = [Counter() for _ in range(order + 1)]
        for sentence in sentences:
            padded = (0, *sentence, 1)
            for end in range(2, len(padded) + 1):
                for n in range(1, min(order, end) + 1):
                    self.counts[n][padded[end - n : end]] += 1
        levels = self._continuations()
        self.log_p: dict[Gram, float] = {}
        self.log_backoff: dict[Gram, float] = {}
        vocabulary = len(levels[1]) + 1
        uniform = 1.0 / vocabulary
        for n in range(1, order + 1):
            discounts = self._discounts(levels[n].values())
            by_context: dict[Gram, list[tuple[Gram, int]]] = defaultdict(list)
            for gram, count in levels[n].items():
                by_context[gram[:-1]].append((gram, count))
            for context, grams in by_context.items():
                total = sum(count for _, count in grams)
                reserved = sum(discounts[min(count, 3)] for _, count in grams) / total
                for gram, count in grams:
                    lower = math.exp(self.log_p[gram[1:]]) if n > 1 else uniform
                    p = (count - discounts[min(count, 3)]) / total + reserved * lower
                    self.log_p[gram] = math.log(p)
                self.log_backoff[context] = math.log(reserved) if n > 1 else 0.0
        self.log_p[(0,)] = -99.0

    def _continuations(self) -> list[Counter[Gram]]:
        """What the lower orders are estimated from: how many different tokens come before an n-gram.

        One that begins with the opening token has nothing before it and keeps its own count.
        """
        levels = [Counter[Gram]() for _ in range(self.order)] + [self.counts[self.order]]
        for n in range(1, self.order):
            for gram in self.counts[n + 1]:
                levels[n][gram[1:]] += 1
            for gram, count in self.counts[n].items():
                if gram[0] == 0:
                    levels[n][gram] = count
        return levels

    @staticmethod
    def _discounts(counts: Iterable[int]) -> tuple[float, float, float, float]:
        n = Counter(min(count, 4) for count in counts)
        if not all(n[k] for k in (1, 2, 3, 4)):
            return 0.0, 0.5, 0.7, 0.9
        y = n[1] / (n[1] + 2 * n[2])
        estimates = (k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3))
        first, second, third = (min(max(d, 0.1), k - 0.1) for k, d in enumerate(estimates, 1))
        return 0.0, first, second, third

    def lookup(self, context: Gram, token: int) -> float:
        """The log-probability by backing off."""
        weight = 0.0
        while True:
            p = self.log_p.get((*context, token))
            if p is not None:
                return p + weight
            weight += self.log_backoff.get(context, 0.0)
            context = context[1:]

    def prune(self, keep: int) -> None:
        """Keep the ``keep`` n-grams (order 2 and up) whose loss would change the model most, and their prefixes."""
        loss = {}
        for counts in self.counts[2:]:
            for gram, count in counts.items():
                if gram not in self.log_p:
                    continue
                backed_off = self.log_backoff[gram[:-1]] + self.lookup(gram[1:-1], gram[-1])
                loss[gram] = count * abs(self.log_p[gram] - backed_off)
        kept: set[Gram] = set()
        for gram in sorted(loss, key=lambda g: (-loss[g], g)):
            if len(kept) >= keep:
                break
            for n in range(2, len(gram) + 1):
                kept.add(gram[:n])
        for gram in [g for g in self.log_p if len(g) > 1 and g not in kept]:
            del self.log_p[gram]
        self._renormalise()

    def _renormalise(self) -> None:
        by_context: dict[Gram, list[Gram]] = defaultdict(list)
        for gram in self.log_p:
            if len(gram) > 1:
                by_context[gram[:-1]].append(gram)
        self.log_backoff = {}
        for context in sorted(by_context, key=len):
            seen = sum(math.exp(self.log_p[gram]) for gram in by_context[context])
            lower = sum(math.exp(self.lookup(context[1:], gram[-1])) for gram in by_context[context])
            self.log_backoff[context] = math.log(max(1e-4, 1 - seen) / max(1e-4, 1 - lower))


def train(data: Sequence[Entry], order: int, keep: int, iterations: int) -> GraphoneModel:
    alignment = Alignment(data)
    for iteration in range(iterations):
        print(f"alignment {iteration}: log-likelihood {alignment.step():.0f}", flush=True)
    aligned = alignment.best()
    seen = Counter(graphone for path in aligned for graphone in path)
    aligned = [path for path in aligned if all(seen[graphone] >= RAREST for graphone in path)]
    inventory = sorted({graphone for path in aligned for graphone in path})
    token = {graphone: i + 2 for i, graphone in enumerate(inventory)}
    model = KneserNey((tuple(token[g] for g in path) for path in aligned), order)
    print(f"{len(inventory)} graphones, {len(model.log_p)} n-grams", flush=True)
    model.prune(keep)
    print(f"{len(model.log_p)} n-grams kept", flush=True)
    return GraphoneModel.build(inventory, model.log_p, model.log_backoff)


def distance(a: Pronunciation, b: Pronunciation) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, previous = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (x != y)))
    return row[-1]


def evaluate(g2p: G2P, data: Iterable[Entry]) -> tuple[float, float, float]:
    """Phone error rate, word error rate (against the nearest listed pronunciation), milliseconds a word."""
    references: dict[str, list[Pronunciation]] = defaultdict(list)
    for word, phones in data:
        references[word].append(phones)
    errors = phones_total = wrong = 0
    started = time.perf_counter()
    for word, known in references.items():
        guess = g2p.pronounce(word)
        best = min(known, key=lambda phones: distance(guess, phones))
        errors += distance(guess, best)
        phones_total += len(best)
        wrong += guess not in known
    spent = time.perf_counter() - started
    return errors / phones_total, wrong / len(references), 1000 * spent / len(references)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, help="where to write the model trained on all words")
    parser.add_argument("--held-out", action="store_true", help="measure on 5 %% of the words")
    parser.add_argument("--order", type=int, default=6)
    parser.add_argument("--keep", type=int, default=600_000, help="n-grams to keep")
    parser.add_argument("--iterations", type=int, default=10)
    arguments = parser.parse_args()
    lexicon = Lexicon()
    lexicon.load()
    data = entries(lexicon)
    if arguments.held_out:
        model = train([e for e in data if not held_out(e[0])], arguments.order, arguments.keep, arguments.iterations)
        size = len(model.to_bytes())
        phone_errors, word_errors, spent = evaluate(G2P(model), [e for e in data if held_out(e[0])])
        print(f"phones wrong {phone_errors:.2%}, words wrong {word_errors:.2%}, {spent:.2f} ms a word, {size} bytes")
    if arguments.output:
        model = train(data, arguments.order, arguments.keep, arguments.iterations)
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_bytes(model.to_bytes())
        print(f"wrote {arguments.output}, {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
