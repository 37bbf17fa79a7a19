"""Laws of the audio that is kept for a worker's replacement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.service.kept_audio import KeptAudio

pytestmark = pytest.mark.unit

pieces = st.lists(st.integers(1, 50).flatmap(lambda samples: st.binary(min_size=2 * samples, max_size=2 * samples)))


@given(pieces=pieces, data=st.data())
def test_everything_since_any_settled_place_is_there(pieces: list[bytes], data: st.DataObject) -> None:
    kept = KeptAudio()
    settled = 0
    for number, piece in enumerate(pieces):
        kept.append(piece)
        sent = b"".join(pieces[: number + 1])
        assert kept.end == len(sent) // 2
        settled = data.draw(st.integers(settled, kept.end))
        kept.trim(settled)
        assert kept.start <= settled
        assert kept.since(settled) == sent[2 * settled :]


@given(pieces=pieces, data=st.data())
def test_no_piece_is_kept_that_is_settled_as_a_whole(pieces: list[bytes], data: st.DataObject) -> None:
    kept = KeptAudio()
    for piece in pieces:
        kept.append(piece)
    settled = data.draw(st.integers(0, kept.end))
    kept.trim(settled)
    longest = max(map(len, pieces), default=0) // 2
    assert settled - kept.start < max(1, longest)
