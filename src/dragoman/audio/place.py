"""Where in a live stream's bytes it can be taken up again. Nothing heavy, so that the server can import it too."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A decoder that gets the first ``head`` bytes of the stream, then those from ``offset`` on, has the samples from
    ``position`` on; the first few of some codecs are not right yet.
    """

    offset: int = 0
    position: int | None = None
    """``None``: this is the beginning of the stream."""
    head: int = 0
    clock: int = 0
    """What the stream itself says where it is there."""
