"""What an ONNX file says of itself is read without loading it, and only from one that is whole."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.codecs.onnx_graph import GraphBuilder
from dragoman.engines.sherpa.onnx_file import read_onnx
from tiny_sherpa import with_metadata

pytestmark = pytest.mark.unit


def model(entries: dict[str, str], *outputs: int | str) -> bytes:
    graph = GraphBuilder()
    graph.constant("weights", np.zeros((8, 8), np.float32))
    for at, size in enumerate(outputs):
        graph.output(f"output_{at}", "float32", "N", size)
    return with_metadata(graph.model(), entries)


def read(content: bytes) -> tuple[dict[str, str], tuple[int | None, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(content)
        found = read_onnx(path)
    return found.metadata, found.last_sizes


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=4))
def test_metadata_are_read_as_they_were_written(entries: dict[str, str]) -> None:
    assert read(model(entries))[0] == entries


def test_of_outputs_the_last_size_is_known_unless_it_is_free() -> None:
    assert read(model({}, 500, "V"))[1] == (500, None)


WHOLE = model({"model_type": "zipformer2"}, 500)
ENDS = (len(model({}, 500)), len(WHOLE))
"""Where a piece of it is a file of its own."""


@given(st.integers(0, len(WHOLE) - 1))
def test_a_file_that_is_cut_off_is_an_error(length: int) -> None:
    if length not in ENDS:
        with pytest.raises(ValueError, match="ONNX"):
            read(WHOLE[:length])


@given(st.binary(max_size=300))
def test_of_other_files_nothing_is_believed(content: bytes) -> None:
    try:
        found, _ = read(content)
    except ValueError:
        return
    assert all(isinstance(value, str) for value in found.values())
