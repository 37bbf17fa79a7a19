"""The folder of installed models: each in a folder of its name, with a manifest beside its files.

A model appears, changes and goes in one step. What is not ready yet lies in hidden folders.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dragoman.core.models import InstalledModel, Model, ModelFile
from dragoman.service.download import sha256
from dragoman.service.folder_lock import locked
from dragoman.service.model_catalogue import MANIFEST, CatalogueError, read_manifest, write_manifest


@dataclass(frozen=True, slots=True)
class DamagedModel:
    """A folder that should hold a model and does not."""

    name: str
    fault: str


class ModelFolder:
    """It need not exist yet. Everything here raises ``OSError`` where the file system does."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def models(self) -> Sequence[InstalledModel | DamagedModel]:
        """By name. Files are looked for, and their sizes compared; checksums are not."""
        if not self.root.is_dir():
            return []
        names = sorted(path.name for path in self.root.iterdir() if path.is_dir() and not path.name.startswith("."))
        return [self.model(name) for name in names]

    def model(self, name: str) -> InstalledModel | DamagedModel:
        """Raises ``FileNotFoundError``."""
        folder = self.root / name
        if not folder.is_dir():
            raise FileNotFoundError(f"there is no model {name!r} in {self.root}")
        manifest = folder / MANIFEST
        try:
            model = read_manifest(manifest.read_bytes(), str(manifest))
        except FileNotFoundError:
            return DamagedModel(name, f"it has no file {MANIFEST}")
        except CatalogueError as error:
            return DamagedModel(name, str(error))
        if model.name != name:
            return DamagedModel(name, f"its {MANIFEST} is that of {model.name!r}")
        fault = next((fault for file in model.files if (fault := _fault(folder, file))), "")
        return DamagedModel(name, fault) if fault else InstalledModel(model, folder)

    def faults(self, name: str) -> list[str]:
        """Everything that is wrong with a model, checksums included. Raises ``FileNotFoundError``."""
        try:
            model = read_manifest((self.root / name / MANIFEST).read_bytes(), MANIFEST)
        except (CatalogueError, FileNotFoundError):
            found = self.model(name)
            return [found.fault] if isinstance(found, DamagedModel) else []
        folder = self.root / name
        faults = [] if model.name == name else [f"its {MANIFEST} is that of {model.name!r}"]
        for file in model.files:
            fault = _fault(folder, file)
            if not fault and sha256(folder / file.path) != file.sha256:
                fault = f"{file.path} has another checksum than it had"
            faults += [fault] if fault else []
        known = {MANIFEST, *(file.path for file in model.files)}
        return faults + [f"{path} does not belong to it" for path in _files(folder) if path not in known]

    def held(self, name: str, waiting: Callable[[], None] = lambda: None) -> AbstractContextManager[None]:
        """Nobody else changes this model meanwhile, in any process. ``waiting`` is called when somebody does now."""

        @contextmanager
        def holding() -> Iterator[None]:
            with locked(self.root / ".locks" / name, waiting):
                if (
                    self._replaced(name).is_dir() and not (self.root / name).exists()
                ):  # somebody died between two renames
                    self._replaced(name).rename(self.root / name)
                yield

        return holding()

    def staging(self, name: str) -> Path:
        """A folder for the files of a model that is to be installed; they stay until it is, or ``discard``."""
        folder = self.root / ".partial" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def discard(self, name: str) -> None:
        """What was staged."""
        shutil.rmtree(self.root / ".partial" / name, ignore_errors=True)

    def install(self, model: Model) -> InstalledModel:
        """What was staged becomes the model, in place of one of this name."""
        staged, target = self.staging(model.name), self.root / model.name
        wanted = {file.path for file in model.files}
        for path in _files(staged):
            if path not in wanted:
                (staged / path).unlink()
        (staged / MANIFEST).write_bytes(write_manifest(model))
        for written in [*staged.rglob("*"), staged]:
            _sync(written)
        replaced = self._replaced(model.name)
        shutil.rmtree(replaced, ignore_errors=True)
        if target.exists():
            replaced.parent.mkdir(exist_ok=True)
            target.rename(replaced)
        try:
            staged.rename(target)
        except OSError:
            if replaced.exists():
                replaced.rename(target)
            raise
        _sync(self.root)
        shutil.rmtree(replaced, ignore_errors=True)
        return InstalledModel(model, target)

    def describe(self, model: Model) -> None:
        """The facts of an installed model are these now; its files stay."""
        manifest = self.root / model.name / MANIFEST
        data = write_manifest(model)
        if manifest.read_bytes() != data:
            written = self.staging(model.name) / MANIFEST
            written.write_bytes(data)
            _sync(written)
            written.replace(manifest)
            self.discard(model.name)

    def remove(self, name: str) -> None:
        """Raises ``FileNotFoundError``."""
        going = self.root / ".removed" / name  # from where nothing comes back
        for left in (going, self._replaced(name)):
            shutil.rmtree(left, ignore_errors=True)
        going.parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).rename(going)
        self.discard(name)
        _sync(self.root)
        shutil.rmtree(going)

    def free_bytes(self) -> int:
        """Of the disk."""
        self.root.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self.root).free

    def _replaced(self, name: str) -> Path:
        return self.root / ".replaced" / name


def _fault(folder: Path, file: ModelFile) -> str:
    path = folder / file.path
    if path.is_symlink() or not path.is_file():
        return f"{file.path} is missing"
    size = path.stat().st_size
    return "" if size == file.size else f"{file.path} has {size:,} bytes, and should have {file.size:,}"


def _files(folder: Path) -> list[str]:
    """Paths below the folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def _sync(path: Path) -> None:
    """What is written so far survives a power cut. Windows cannot do that to folders, and does it to files itself."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
