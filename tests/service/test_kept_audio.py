"""Laws of the audio that is kept for a worker's replacement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.audio.place import Place
from dragoman.service.kept_audio import KeptAudio

pytestmark = pytest.mark.unit

pieces = st.lists(st.binary(min_size=1, max_size=100))


@given(pieces=pieces, head=st.integers(0, 150), data=st.data())
def test_everything_from_any_place_on_is_there_and_the_head_before_it(
    pieces: list[bytes], head: int, data: st.DataObject
) -> None:
    kept = KeptAudio()
    offset = 0
    for number, piece in enumerate(pieces):
        kept.append(piece)
        sent = b"".join(pieces[: number + 1])
        assert kept.end == len(sent)
        if len(sent) >= head:
            offset = data.draw(st.integers(max(offset, head), kept.end))
        place = Place(offset, head=head) if offset else Place()
        kept.trim(place)
        assert kept.start <= offset
        assert kept.since(place) == sent[: place.head] + sent[offset:]


@given(pieces=pieces, data=st.data())
def test_no_piece_is_kept_that_is_not_needed_as_a_whole(pieces: list[bytes], data: st.DataObject) -> None:
    kept = KeptAudio()
    for piece in pieces:
        kept.append(piece)
    offset = data.draw(st.integers(0, kept.end))
    kept.trim(Place(offset, offset))
    longest = max(map(len, pieces), default=0)
    assert offset - kept.start < max(1, longest)
