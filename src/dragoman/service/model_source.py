"""A folder that somebody brought along, with the files of a model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from dragoman.core.model_layouts import LAYOUTS, Layout
from dragoman.core.models import ModelEngine, ModelFile
from dragoman.service.download import sha256
from dragoman.service.model_catalogue import MANIFEST

MOST_FILES: Final = 1000


class UnusableFolder(ValueError):
    """The folder does not hold the model. The message says what is wrong with which file, and what to do."""


class SourceFolder:
    """Links are followed as long as they stay inside. Everything here raises ``UnusableFolder`` and ``OSError``."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UnusableFolder(f"{folder} is not a folder")
        self._folder = folder.resolve()

    def check(self, files: Sequence[ModelFile]) -> None:
        """Every file is here and has its size."""
        for file in files:
            path = self._inside(file.path)
            if not path.is_file():
                raise UnusableFolder(f"{file.path} is missing in {self._folder}; copy it there")
            if (size := path.stat().st_size) != file.size:
                raise UnusableFolder(
                    f"{file.path} has {size:,} bytes and should have {file.size:,}; copy the file again, or get it anew"
                )

    def layout(self, engine: ModelEngine | None) -> Layout | None:
        """Of which kind the model is, where its files tell that, and its engine is this one or not said."""
        names = {path.name for path in self._folder.iterdir() if not path.name.startswith(".")}
        able = [each for each in LAYOUTS if engine in (None, each.engine)]
        found = next((each for each in able if each.is_meant(names)), None)
        if found is None:
            if engine is not None and able:
                known = " or of ".join(", ".join(each.files) for each in able)
                raise UnusableFolder(f"{self._folder} holds no model for {engine}, which consists of {known}")
            return None
        if missing := found.missing(names):
            raise UnusableFolder(
                f"{', '.join(missing)} is missing in {self._folder}, which seems to hold a model for {found.engine}; "
                "copy it there, or say with --engine what else runs the model"
            )
        for name in found.of(names):
            if not self._inside(name).stat().st_size:
                raise UnusableFolder(f"{name} in {self._folder} is empty; copy the file again, or get it anew")
        return found

    def language(self, layout: Layout) -> str | None:
        """ISO 639-1, where the names of the folders say which one the model knows."""
        return layout.language(self._folder.parts)

    def describe(self, layout: Layout | None = None) -> tuple[ModelFile, ...]:
        """The files of the layout; without one all that are here, hidden ones left out."""
        if layout is not None:
            return tuple(self._described(name) for name in layout.of(os.listdir(self._folder)))
        paths: list[str] = []
        for found, folders, names in os.walk(self._folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in [*names, *(name for name in folders if Path(found, name).is_symlink())]:
                path = Path(found, name).relative_to(self._folder).as_posix()
                if not name.startswith(".") and path != MANIFEST:
                    paths.append(path)
            if len(paths) > MOST_FILES:
                raise UnusableFolder(f"{self._folder} has more than {MOST_FILES} files; name the folder of one model")
        if not paths:
            raise UnusableFolder(f"{self._folder} holds no files")
        return tuple(self._described(path) for path in sorted(paths))

    def is_on_disk_of(self, other: Path) -> bool:
        """Then ``bring`` takes no room, as a rule."""
        return other.exists() and other.stat().st_dev == self._folder.stat().st_dev

    def bring(self, file: ModelFile, target: Path) -> None:
        """Have the file at ``target`` as well: the same one, where the file system allows that, else a copy. Raises
        ``UnusableFolder`` when its checksum is wrong.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        source = self._inside(file.path)
        with suppress(OSError):
            os.link(source, target)
        if not target.exists():
            shutil.copyfile(source, target)
        if sha256(target) != file.sha256:
            raise UnusableFolder(f"{file.path} does not have the checksum of the catalogue; get the file anew")

    def _described(self, path: str) -> ModelFile:
        source = self._inside(path)
        if not source.is_file():
            raise UnusableFolder(f"{path} is not a file; a model consists of files in folders")
        return ModelFile(path, source.stat().st_size, sha256(source))

    def _inside(self, path: str) -> Path:
        source = (self._folder / path).resolve()
        if not source.is_relative_to(self._folder):
            raise UnusableFolder(
                f"{path} is a link that leads out of {self._folder}; copy the folder with the files themselves (cp -rL)"
            )
        return source
