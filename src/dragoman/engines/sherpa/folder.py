"""A folder with a model for sherpa-onnx, under the names that such models are published with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from dragoman.core.errors import EngineNotReady
from dragoman.engines.sherpa.onnx_file import OnnxFile, read_onnx

Readers = Mapping[str, Callable[[str], object]]
"""By the name of an entry; each raises ``ValueError``."""

_INT8: Final = ".int8."


def find_part(folder: Path, part: str, *, int8: bool) -> Path | None:
    """The ONNX file of one part of a model, such as encoder or model; where there are both, the quantised one or the
    other. ``None`` where there is none. Raises ``EngineNotReady`` where there is no folder, or more than one file to
    choose from.
    """
    if not folder.is_dir():
        raise EngineNotReady(f"there is no folder {folder}; name one with a model for sherpa-onnx")
    found = sorted(folder.glob(f"*{part}*.onnx"))
    fitting = [file for file in found if (_INT8 in file.name) == int8] or found
    if len(fitting) > 1:
        names = " and ".join(file.name for file in fitting)
        raise EngineNotReady(f"{folder} has more than one {part}: {names}; leave there only the one to use")
    return fitting[0] if fitting else None


def find_text(folder: Path, name: str) -> Path | None:
    """A file of this name, such as tokens.txt, with or without the name of the model before it."""
    if (folder / name).is_file():
        return folder / name
    found = sorted(folder.glob(f"*-{name}"))
    return found[0] if len(found) == 1 else None


def read_part(file: Path) -> OnnxFile:
    """Raises ``EngineNotReady`` for a file that is not whole, or no ONNX model."""
    try:
        return read_onnx(file)
    except (OSError, ValueError) as error:
        raise EngineNotReady(f"{file} cannot be used, put the model there again: {error}") from error


def check_metadata(
    file: Path, found: Mapping[str, str], needed: Readers, optional: Readers = MappingProxyType({})
) -> None:
    """What sherpa-onnx looks up, and how it reads that; it ends the process where it cannot. Raises
    ``EngineNotReady``."""
    for key, read in {**needed, **{key: read for key, read in optional.items() if found.get(key)}}.items():
        try:
            if not found.get(key):
                raise ValueError("it is not there")
            read(found[key])
        except ValueError as error:
            raise EngineNotReady(
                f"{file} is not a model as sherpa-onnx has them, its metadata {key} cannot be used ({error}); export "
                "it with the script that is for sherpa-onnx, or put the published one there again"
            ) from error


def number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(f"{value} is negative")
    return value


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def reals(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def words(text: str) -> list[str]:
    return text.split(",")


def read_tokens(file: Path) -> dict[int, str]:
    """``tokens.txt``: on each line a token, which may be nothing, and its number. Raises ``EngineNotReady``."""
    tokens: dict[int, str] = {}
    try:
        for line in filter(str.strip, file.read_text(encoding="utf-8").split("\n")):
            *token, identity = line.rsplit(maxsplit=1)
            if int(identity) in tokens:
                raise ValueError(f"the number {identity} is there twice")
            tokens[int(identity)] = "".join(token)
    except (OSError, ValueError) as error:
        raise EngineNotReady(f"{file} cannot be read, put the model there again: {error}") from error
    return tokens
