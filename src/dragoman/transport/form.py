"""A form as a client sent it, with the questions that every dialect asks of one."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dragoman.core.errors import EmptyAudio, InvalidField, InvalidRequest, MissingField, UnsupportedOption

_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form. ``path`` exists until the request ends; ``filename`` is as the client wrote it."""

    path: Path
    filename: str
    size: int


@dataclass(frozen=True, slots=True)
class Form:
    """Text fields and files by name. An empty text counts as not given.

    Every question names the field in the error it raises.
    """

    fields: Mapping[str, tuple[str, ...]]
    files: Mapping[str, tuple[Upload, ...]] = field(default_factory=dict)

    def allow_only(self, names: Collection[str]) -> None:
        """Nothing is dropped in silence: a field of another name raises ``UnsupportedOption``."""
        for name in (*self.fields, *self.files):
            if name not in names:
                known = ", ".join(sorted(names))
                raise UnsupportedOption(f"There is no field {name!r}; known are {known}.", field=name)

    def refuse(self, name: str, reason: str) -> None:
        """Raises ``UnsupportedOption`` if the field is given."""
        if self.texts(name):
            raise UnsupportedOption(f"{name}: {reason}", field=name)

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(text for text in self.fields.get(name, ()) if text)

    def text(self, name: str) -> str | None:
        """Raises ``InvalidField`` when the field comes twice."""
        match self.texts(name):
            case ():
                return None
            case (text,):
                return text
            case _:
                raise InvalidField(f"{name} is given more than once.", field=name)

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        text = self.text(name)
        if text is not None and text not in choices:
            raise InvalidField(f"{name} must be one of {', '.join(choices)}.", field=name)
        return text

    def boolean(self, name: str, *, default: bool) -> bool:
        text = self.text(name)
        if text is None:
            return default
        try:
            return _BOOLEANS[text.lower()]
        except KeyError:
            raise InvalidField(f"{name} must be true or false.", field=name) from None

    def number(self, name: str, *, least: float, most: float) -> float | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise InvalidField(f"{name} must be a number from {least:g} to {most:g}.", field=name)
        return number

    def file(self, name: str, *, may_be_empty: bool = False) -> Upload:
        """The one file of this name. Raises ``MissingField``, ``InvalidRequest`` for several, ``EmptyAudio``."""
        match self.files.get(name, ()):
            case ():
                raise MissingField(f"The form has no file in the field {name!r}.", field=name)
            case (upload,):
                if not upload.size and not upload.filename:
                    raise MissingField(f"No file was chosen in the field {name!r}.", field=name)
                if not upload.size and not may_be_empty:
                    raise EmptyAudio(f"The file in the field {name!r} is empty.")
                return upload
            case several:
                raise InvalidRequest(f"{len(several)} files in the field {name!r}; send one a request.", field=name)
