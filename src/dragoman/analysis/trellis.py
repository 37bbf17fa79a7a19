"""The likeliest way of pronunciations through a stretch of speech: forced alignment, exact, without pruning.

What may be said is a network of ``Arc``s between junctions. Silence may stand at any junction. The search runs over all
states of the network for all frames, so it finds the best path whenever there are frames enough for one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dragoman.analysis.acoustic_model import BEGIN, END, INTERNAL, SINGLE, STATES, AcousticModel
from dragoman.analysis.features import Floats
from dragoman.language.phonemes import Pronunciation

SILENCE_COST: Final = 5.0
"""Nats for entering silence. Boundaries are the same from 1 to 20."""


@dataclass(frozen=True, slots=True)
class Arc:
    """A pronunciation said between two junctions, ``start < end``."""

    start: int
    end: int
    phones: Pronunciation


@dataclass(frozen=True, slots=True)
class PhoneSpan:
    """The phone ``index`` of arc ``arc`` lies in the frames ``start`` to ``end``, ``end`` not included."""

    arc: int
    index: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Path:
    """``spans`` in the order of time, silence left out. ``log_likelihood`` is that of all frames, in nats."""

    spans: tuple[PhoneSpan, ...]
    log_likelihood: float


def best_path(model: AcousticModel, streams: Floats, arcs: Sequence[Arc]) -> Path | None:
    """The likeliest path from the first junction, 0, to the last one, for the frames of ``features``.

    ``None`` when no path is short enough: every phone takes three frames at least.
    """
    network = _Network(model, arcs)
    return network.search(streams) if network.shortest() <= streams.shape[1] else None


@dataclass(frozen=True, slots=True)
class _Edge:
    """A phone at the edge of a word: a node of the network and the phones it may border on."""

    node: int
    phone: int
    neighbours: frozenset[int]


class _Network:
    """Nodes are phones in their contexts, three states each; a phone at the edge of a word has a node for each set of
    neighbours that gives it different states. ``before[node]`` are the nodes that may come before it."""

    def __init__(self, model: AcousticModel, arcs: Sequence[Arc]) -> None:
        self._model = model
        self._last = max(arc.end for arc in arcs)
        self._phone: list[int] = []
        self._senones: list[tuple[int, int, int]] = []
        self._owner: list[tuple[int, int] | None] = []
        self._before: list[list[int]] = []
        self._starts: dict[int, list[_Edge]] = defaultdict(list)
        self._ends: dict[int, list[_Edge]] = defaultdict(list)
        spelt = [tuple(model.phone(name) for name in arc.phones) for arc in arcs]
        ending: dict[int, set[int]] = defaultdict(lambda: {model.silence})
        beginning: dict[int, set[int]] = defaultdict(lambda: {model.silence})
        for arc, phones in zip(arcs, spelt, strict=True):
            beginning[arc.start].add(phones[0])
            ending[arc.end].add(phones[-1])
        self._arcs = arcs
        for number, (arc, phones) in enumerate(zip(arcs, spelt, strict=True)):
            self._add_arc(number, arc, phones, ending[arc.start], beginning[arc.end])
        self._silence = {junction: self._add_silence(junction) for junction in sorted({*ending, *beginning})}

    def _add(self, phone: int, senones: tuple[int, int, int], owner: tuple[int, int] | None, before: list[int]) -> int:
        self._phone.append(phone)
        self._senones.append(senones)
        self._owner.append(owner)
        self._before.append(before)
        return len(self._phone) - 1

    def _add_arc(self, number: int, arc: Arc, phones: tuple[int, ...], lefts: set[int], rights: set[int]) -> None:
        senones = self._model.senones
        if len(phones) == 1:
            for right in sorted(rights):
                variants = _merge((senones(phones[0], left, right, SINGLE), left) for left in sorted(lefts))
                for states, neighbours in variants.items():
                    node = self._add(phones[0], states, (number, 0), [])
                    self._starts[arc.start].append(_Edge(node, phones[0], neighbours))
                    self._ends[arc.end].append(_Edge(node, phones[0], frozenset((right,))))
            return
        variants = _merge((senones(phones[0], left, phones[1], BEGIN), left) for left in sorted(lefts))
        before = []
        for states, neighbours in variants.items():
            before.append(self._add(phones[0], states, (number, 0), []))
            self._starts[arc.start].append(_Edge(before[-1], phones[0], neighbours))
        for i in range(1, len(phones) - 1):
            states = senones(phones[i], phones[i - 1], phones[i + 1], INTERNAL)
            before = [self._add(phones[i], states, (number, i), before)]
        variants = _merge((senones(phones[-1], phones[-2], right, END), right) for right in sorted(rights))
        for states, neighbours in variants.items():
            node = self._add(phones[-1], states, (number, len(phones) - 1), before)
            self._ends[arc.end].append(_Edge(node, phones[-1], neighbours))

    def _add_silence(self, junction: int) -> int:
        """Silence at a junction, and the words that meet there with or without it."""
        silence = self._model.silence
        sequence = self._model.senones(silence, silence, silence, SINGLE)
        ends, starts = self._ends[junction], self._starts[junction]
        node = self._add(silence, sequence, None, [end.node for end in ends if silence in end.neighbours])
        for start in starts:
            before = self._before[start.node]
            if silence in start.neighbours:
                before.append(node)
            before += [end.node for end in ends if start.phone in end.neighbours and end.phone in start.neighbours]
        return node

    def shortest(self) -> int:
        """The fewest frames a path can take."""
        frames = {0: 0}
        for arc in sorted(self._arcs, key=lambda arc: arc.start):
            needed = frames[arc.start] + STATES * len(arc.phones)
            frames[arc.end] = min(needed, frames.get(arc.end, needed))
        return frames[self._last]

    def search(self, streams: Floats) -> Path:
        """The Viterbi algorithm, one frame a step over all states. The scores of all frames are kept, and the path is
        read from them backwards."""
        model, silence = self._model, self._model.silence
        phone = np.array(self._phone)
        nodes, states = len(phone), STATES * len(phone)
        senones, observed = np.unique(np.array(self._senones), return_inverse=True)
        scores = model.log_likelihoods(streams, senones).T.take(observed.ravel(), axis=1)
        stay = model.stay[phone].ravel()
        leave = model.leave[phone]
        # What moving on to a state costs, from the state before it in this order; no such move into a node's first
        # state unless its only predecessor is the node before it.
        onward = np.full(states, -np.inf, np.float32)
        onward[1::STATES], onward[2::STATES] = leave[:, 0], leave[:, 1]
        joins = []
        for node in range(nodes):
            if self._before[node] == [node - 1] and phone[node] != silence:
                onward[STATES * node] = leave[node - 1, 2]
            elif self._before[node]:
                joins.append(node)
        sources = np.array([STATES * b + 2 for node in joins for b in self._before[node]], np.intp)
        entry = np.array([-SILENCE_COST if phone[n] == silence else 0.0 for n in joins], np.float32)
        sizes = [len(self._before[node]) for node in joins]
        costs = leave[sources // STATES, 2] + np.repeat(entry, sizes)
        offsets = np.cumsum([0, *sizes[:-1]])
        targets = STATES * np.array(joins, np.intp)

        initial = np.full(states, -np.inf, np.float32)
        for start in self._starts[0]:
            if silence in start.neighbours:
                initial[STATES * start.node] = 0
        initial[STATES * self._silence[0]] = -SILENCE_COST
        scores[0] += initial
        moved = np.empty(states, np.float32)
        moved[0] = -np.inf
        best = np.empty(states, np.float32)
        arriving = np.empty(len(sources), np.float32)
        for frame in range(1, len(scores)):
            before = scores[frame - 1]
            np.add(before[:-1], onward[1:], out=moved[1:])
            before.take(sources, out=arriving, mode="clip")
            arriving += costs
            moved[targets] = np.maximum.reduceat(arriving, offsets)
            np.add(before, stay, out=best)
            np.maximum(best, moved, out=best)
            scores[frame] += best

        finals = [STATES * end.node + 2 for end in self._ends[self._last] if silence in end.neighbours]
        finals.append(STATES * self._silence[self._last] + 2)
        state = max(finals, key=lambda final: float(scores[-1, final]))
        likelihood = float(scores[-1, state])
        into = {
            node: (sources[offset : offset + size], costs[offset : offset + size])
            for node, offset, size in zip(joins, offsets.tolist(), sizes, strict=True)
        }
        spans = []
        end = len(scores)
        for frame in range(len(scores) - 1, -1, -1):
            previous, came_from = scores[frame - 1], state
            if frame:
                node, inside = divmod(state, STATES)
                staying = previous[state] + stay[state]
                if inside or node not in into:
                    if previous[state - 1] + onward[state] > staying:
                        came_from = state - 1
                else:
                    arrivals = previous[into[node][0]] + into[node][1]
                    if arrivals.max() > staying:
                        came_from = int(into[node][0][arrivals.argmax()])
            if frame == 0 or came_from // STATES != state // STATES:
                owner = self._owner[state // STATES]
                if owner is not None:
                    spans.append(PhoneSpan(*owner, frame, end))
                end = frame
            state = came_from
        return Path(tuple(reversed(spans)), likelihood)


def _merge(variants: Iterable[tuple[tuple[int, int, int], int]]) -> dict[tuple[int, int, int], frozenset[int]]:
    """Neighbours by the states they give."""
    merged: dict[tuple[int, int, int], set[int]] = defaultdict(set)
    for states, neighbour in variants:
        merged[states].add(neighbour)
    return {states: frozenset(neighbours) for states, neighbours in merged.items()}
