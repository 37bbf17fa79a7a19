"""Laws of merging: whatever the shards and however often their workers die, the events are those of one quiet run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.assemble import Assembler
from dragoman.core.errors import InternalError
from dragoman.core.events import AudioEventsFound, Final, Finished, Opened, Progress, RecognitionEvent, SpeakersFound
from dragoman.core.transcript import AudioEvent, Segment, SpeakerChange
from dragoman.service.sharded_file import MAX_STRIKES, ShardedFile, ShardRun

pytestmark = pytest.mark.unit

SEGMENT_MS = 1_000
OPENED = Opened(None, (0,))
FOUND = SpeakersFound(changes=(SpeakerChange(500),))
SOUNDS = AudioEventsFound((AudioEvent("Laughter", 0, 500, 0.9),))


def segment(index: int) -> Segment | None:
    """Every fourth is silent."""
    if index % 4 == 3:
        return None
    return Segment(index, 0, index * SEGMENT_MS, (index + 1) * SEGMENT_MS, f"text {index}", 0.5)


class Attempt:
    """A worker at its shard: it reports each segment of its share that was not known when it began."""

    def __init__(self, file: ShardedFile, run: ShardRun, count: int) -> None:
        file.begin(run)
        self.file, self.run, self.count = file, run, count
        self.known = frozenset(file.done)
        self.position = 0

    def step(self) -> list[RecognitionEvent]:
        index, self.position = self.position, self.position + 1
        if index == self.count:
            return [*self.file.found(FOUND), *self.file.found(SOUNDS)] if self.run.shard.number == 0 else []
        if index > self.count:
            return self.file.finished(self.run, Finished(self.count * SEGMENT_MS, "en", "m"))
        events = []
        if self.run.shard.has(index) and index not in self.known:
            events = self.file.segment(self.run, index, segment(index))
        return events + self.file.progress(self.run, Progress((index + 1) * SEGMENT_MS))


@given(
    count=st.integers(0, 20),
    shards=st.integers(1, 4),
    before_split=st.integers(0, 5),
    turns=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=120),
)
def test_the_events_are_complete_in_order_and_each_once(
    count: int, shards: int, before_split: int, turns: list[tuple[int, int]]
) -> None:
    file = ShardedFile()
    events = file.opened(OPENED)
    attempts = [Attempt(file, file.runs[0], count)]
    for _ in range(min(before_split, count)):
        events += attempts[0].step()
    if shards > 1:
        attempts += [Attempt(file, run, count) for run in file.split(shards)]
    everyone_to_the_end = [(number, 1) for _ in range(count + 1) for number in range(shards)]
    for number, luck in turns + everyone_to_the_end:
        attempt = attempts[number % len(attempts)]
        if attempt.run.finished:
            continue
        if luck == 0:
            attempts[attempts.index(attempt)] = Attempt(file, attempt.run, count)
            events += file.opened(OPENED)
        else:
            events += attempt.step()
    while not all(attempt.run.finished for attempt in attempts):
        events += next(attempt for attempt in attempts if not attempt.run.finished).step()

    assembler = Assembler()
    for event in events:
        assembler.add(event)
    said = [known for index in range(count) if (known := segment(index))]
    assert [event.segment for event in events if isinstance(event, Final)] == said
    assert events.count(FOUND) == events.count(SOUNDS) == 1
    assert assembler.transcript().segments == tuple(said)
    progress = [event.done_ms for event in events if isinstance(event, Progress)]
    assert progress == sorted(set(progress))
    for position, event in enumerate(events):
        if isinstance(event, Progress):
            before = [e.segment for e in events[:position] if isinstance(e, Final)]
            assert all(s in before for s in said if s.end_ms <= event.done_ms)


def test_a_run_is_hopeless_after_three_strikes_without_anything_new() -> None:
    file = ShardedFile()
    run = file.runs[0]
    for _ in range(MAX_STRIKES):
        assert not run.is_hopeless
        run.strikes += 1
    assert run.is_hopeless


def test_only_what_is_new_takes_suspicion_away() -> None:
    file = ShardedFile()
    run = file.runs[0]
    file.segment(run, 0, segment(0))
    file.progress(run, Progress(5_000))
    run.strikes = 1
    file.begin(run)
    file.progress(run, Progress(5_000))
    file.segment(run, 0, segment(0))
    assert run.is_suspect
    file.progress(run, Progress(5_001))
    assert not run.is_suspect
    run.strikes = 1
    file.segment(run, 1, None)
    assert not run.is_suspect


def test_a_segment_that_nobody_recognised_is_an_error_not_a_hole() -> None:
    file = ShardedFile()
    file.segment(file.runs[0], 1, segment(1))
    with pytest.raises(InternalError):
        file.finished(file.runs[0], Finished(2_000, "en", "m"))
