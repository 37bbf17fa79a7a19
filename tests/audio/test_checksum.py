"""Laws of cyclic redundancy checks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.audio.checksum import FLAC_FRAME, FLAC_HEADER, OGG_PAGE

pytestmark = pytest.mark.unit

checksums = st.sampled_from([FLAC_FRAME, FLAC_HEADER, OGG_PAGE])


def test_known_checks() -> None:
    """CRC-8/SMBUS and CRC-16/UMTS of the catalogue of such checks, and its CRC-32/CKSUM with its bits not inverted."""
    assert FLAC_HEADER.update(0, b"123456789") == 0xF4
    assert FLAC_FRAME.update(0, b"123456789") == 0xFEE8
    assert OGG_PAGE.update(0, b"123456789") == 0x89A1897F


@given(check=checksums, data=st.binary(max_size=2_000), cuts=st.lists(st.integers(0, 2_000), max_size=5))
def test_pieces_make_no_difference(check: object, data: bytes, cuts: list[int]) -> None:
    assert isinstance(check, type(OGG_PAGE))
    state = 0
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
        state = check.update(state, data[start:stop])
    assert state == check.update(0, data)
