"""Laws of the files that a command writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.server.cli.destination import CannotWrite, Folder, file_names

pytestmark = pytest.mark.unit

stems = st.lists(st.sampled_from(["a", "A", "b", "a-2", "a-3", "A-2", "c.d"]), max_size=12)


@given(stems)
def test_names_differ_even_where_the_file_system_ignores_case(given: list[str]) -> None:
    names = [name.casefold() for name in file_names(given, "txt")]
    assert len(set(names)) == len(given)


@given(stems)
def test_the_first_of_equal_stems_keeps_its_name(given: list[str]) -> None:
    for number, (stem, name) in enumerate(zip(given, file_names(given, "txt"), strict=True)):
        assert name.startswith(stem)
        if stem.casefold() not in [earlier.casefold() for earlier in given[:number]]:
            assert name == f"{stem}.txt"


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = Folder(tmp_path, [Path("call.wav")], "txt")
    folder.write(0, "first\n")
    folder.write(0, "second\n")
    with pytest.raises(UnicodeEncodeError):
        folder.write(0, "half of it \ud800")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("call.txt", "second\n")]


def test_an_input_reached_by_another_way_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "call.txt").write_bytes(b"RIFF")
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    folder = Folder(tmp_path / "link", [tmp_path / "call.txt"], "txt")
    with pytest.raises(CannotWrite, match="one of the inputs"):
        folder.write(0, "text")
    assert (tmp_path / "call.txt").read_bytes() == b"RIFF"
