"""Which voices are the same: average-linkage clustering of unit vectors by cosine distance. Pure.

The mean cosine distance of all pairs between two clusters is one less the product of their means, so a cluster is its
mean and its size, and nothing quadratic is kept; the chain of nearest neighbours finds the same tree as the textbook's
search in quadratic time (Müllner 2011, "Modern hierarchical, agglomerative clustering algorithms"). What was heard is
condensed to a bounded number of clusters as it grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dragoman.analysis.fbank import Floats

Numbers = NDArray[np.intp]

SAME: Final = 0.65
"""Clusters nearer than this are one voice."""
_NEAREST: Final = 0.3
"""Clusters nearer than this are one voice even where more are asked for."""
_STEP: Final = 0.025
_MOST: Final = 512
_FEW: Final = (3, 0.03, 10)
"""A voice is heard in this many stretches at least: in short recordings, as a share, in long ones."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two clusters that become one, the lower number kept."""

    kept: int
    joined: int
    distance: float


@dataclass(frozen=True, slots=True, eq=False)
class Voices:
    """All that was heard, as at most 512 clusters: their ``means [n, dimensions]``, ``seconds`` and ``stretches``."""

    means: Floats
    seconds: Floats
    stretches: Numbers

    def plus(self, voices: Floats, seconds: Floats) -> Voices:
        """With unit vectors [n, dimensions], each of so many seconds."""
        grown = Voices(
            np.concatenate([self.means, voices]),
            np.concatenate([self.seconds, seconds]),
            np.concatenate([self.stretches, np.ones(len(voices), np.intp)]),
        )
        count = len(grown.means)
        return grown if count <= _MOST else grown._joined(tree(grown.means, grown.seconds)[: count - _MOST // 2])

    def speakers(self, count: int = 0) -> Voices:
        """One cluster for each speaker; ``count`` of them, if so many can be told apart. 0: as many as there are."""
        if not len(self.means):
            return self
        merges = tree(self.means, self.seconds)
        found = self._distinct(merges, SAME)
        threshold = SAME
        while len(found.means) < count and threshold > _NEAREST:
            threshold -= _STEP
            found = max(found, self._distinct(merges, threshold), key=lambda each: len(each.means))
        if 0 < count < len(found.means):
            found = found._joined(tree(found.means, found.seconds)[: len(found.means) - count])
        return found

    def _distinct(self, merges: list[Merge], threshold: float) -> Voices:
        """The clusters under a threshold that hold enough, or the largest one."""
        made = self._joined([merge for merge in merges if merge.distance <= threshold])
        least, share, enough = _FEW
        needed = min(max(least, min(share * self.stretches.sum(), enough)), made.stretches.max())
        kept = made.stretches >= needed
        return Voices(made.means[kept], made.seconds[kept], made.stretches[kept])

    def _joined(self, merges: list[Merge]) -> Voices:
        """With some of its clusters merged."""
        labels = clusters(merges, len(self.means))
        means, seconds = _means(self.means, self.seconds, labels)
        return Voices(means, seconds, np.bincount(labels, weights=self.stretches).astype(np.intp))


def no_voices(dimensions: int) -> Voices:
    return Voices(np.zeros((0, dimensions), np.float32), np.zeros(0, np.float32), np.zeros(0, np.intp))


def tree(means: Floats, sizes: Floats) -> list[Merge]:
    """All merges of clusters [n, dimensions], nearest first."""
    means, sizes = means.copy(), sizes.copy()
    alive = np.ones(len(means), bool)
    merges: list[Merge] = []
    chain: list[int] = []
    for _ in range(len(means) - 1):
        if not chain:
            chain.append(int(alive.argmax()))
        while True:
            last = chain[-1]
            near = means @ means[last]
            near[~alive] = -np.inf
            near[last] = -np.inf
            nearest = int(near.argmax())
            if len(chain) > 1 and near[chain[-2]] >= near[nearest]:
                break
            chain.append(nearest)
        chain.pop()
        other = chain.pop()
        kept, joined = min(last, other), max(last, other)
        merges.append(Merge(kept, joined, float(1 - near[other])))
        size = sizes[kept] + sizes[joined]
        means[kept] = (means[kept] * sizes[kept] + means[joined] * sizes[joined]) / size
        sizes[kept] = size
        alive[joined] = False
    # The chain meets its merges out of order; where distances are equal, what was merged first stays first.
    return sorted(merges, key=lambda merge: merge.distance)


def clusters(merges: list[Merge], count: int) -> Numbers:
    """The cluster of each of ``count`` vectors after some merges, numbered from 0 as they first appear."""
    parent = list(range(count))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for merge in merges:
        one, other = root(merge.kept), root(merge.joined)
        parent[max(one, other)] = min(one, other)
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(root(at), len(numbers)) for at in range(count)], np.intp)


def _means(means: Floats, sizes: Floats, labels: Numbers) -> tuple[Floats, Floats]:
    """Means and sizes of clusters of clusters."""
    total = np.bincount(labels, weights=sizes).astype(np.float32)
    sums = np.zeros((len(total), means.shape[1]), np.float32)
    np.add.at(sums, labels, means * sizes[:, None])
    return sums / total[:, None], total


def unit(vectors: Floats) -> Floats:
    """Of length 1."""
    scaled: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))
    return scaled
