"""Where the transcripts of a command go: standard output, or a file each in a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class CannotWrite(Exception):
    """The transcript cannot be written; the message says why and what to do."""


class Destination(Protocol):
    def write(self, number: int, text: str) -> None:
        """Write the transcript of the input of this number. Raises ``CannotWrite`` with the reason."""
        ...


class StandardOutput:
    """One transcript after the other, in UTF-8 whatever the terminal's locale."""

    def write(self, number: int, text: str) -> None:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


class Folder:
    """A file per input, which appears under its name only when it is complete.

    A second input of the same stem gets ``stem-2``, so that no transcript replaces another of the same command.
    """

    def __init__(self, folder: Path, inputs: Sequence[Path], extension: str) -> None:
        self._inputs = {path.resolve() for path in inputs}
        self.targets = [folder / name for name in file_names([path.stem for path in inputs], extension)]
        """The file of each input, by its number."""

    def write(self, number: int, text: str) -> None:
        target = self.targets[number]
        if target.resolve() in self._inputs:
            raise CannotWrite(f"{target} is one of the inputs and is not overwritten; choose another --output")
        unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                unfinished.write_bytes(text.encode())
                unfinished.replace(target)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise CannotWrite(f"cannot write {target}: {error.strerror or error}") from error


def file_names(stems: Sequence[str], extension: str) -> list[str]:
    """A name per stem, all different also where the file system ignores case; the first of equals is the plain one."""
    taken = {stem.casefold() for stem in stems}
    seen: set[str] = set()
    names = []
    for stem in stems:
        name, count = stem, 1
        while name.casefold() in (seen if count == 1 else taken):
            count += 1
            name = f"{stem}-{count}"
        seen.add(name.casefold())
        taken.add(name.casefold())
        names.append(f"{name}.{extension}")
    return names
