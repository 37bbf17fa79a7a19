"""Models by name: fetched, brought along in a folder, checked, removed."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dragoman.core.models import InstalledModel, Model, ModelEngine, ModelTask
from dragoman.service.download import DownloadFailed, Fetch, Progress, fetch_file, kept
from dragoman.service.model_catalogue import CatalogueError, check_model
from dragoman.service.model_folder import DamagedModel, ModelFolder
from dragoman.service.model_source import SourceFolder, UnusableFolder

_DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ModelsError(Exception):
    """A model cannot be installed, checked or removed. The message says why and what to do; nothing has changed."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Is told how an installation goes on."""

    progress: Callable[[int, int], None] = lambda done, size: None
    """Bytes that are there, of how many."""
    waiting: Callable[[], None] = lambda: None
    """Another process is at the same model."""


@dataclass(frozen=True, slots=True)
class Description:
    """What the operator says of a model that is in no catalogue."""

    task: ModelTask = ModelTask.RECOGNITION
    engine: ModelEngine | None = None
    languages: tuple[str, ...] = ()
    kind: str = ""


class Models:
    """Nothing here opens a connection but ``pull``, and that one only through ``fetch``; ``None``: not at all."""

    def __init__(
        self, folder: ModelFolder, catalogue: Mapping[str, Model], fetch: Fetch | None, *, keep_free_bytes: int = 0
    ) -> None:
        self.folder = folder
        self.catalogue = catalogue
        self._fetch = fetch
        self._keep_free_bytes = keep_free_bytes

    def pull(self, name: str, watcher: Watcher = Watcher()) -> bool:
        """Have the model of the catalogue installed. Returns whether anything had to be fetched: a model that is there
        and whole is left alone. Raises ``ModelsError``.
        """
        model = self._entry(name)
        with self._told(name), self.folder.held(name, watcher.waiting), self._not_filling(name):
            if self._is_whole(model):
                self.folder.describe(model)
                return False
            if self._fetch is None:
                raise ModelsError(
                    f"{name} is not fetched because the setting offline is on; bring its files along and use "
                    f"`dragoman models add {name} --path FOLDER`. They are listed at {model.source}"
                )
            staged = self.folder.staging(name)
            self._need_room(model, sum(kept(staged / file.path, file) for file in model.files))

            def after(before: int) -> Progress:
                return lambda done: watcher.progress(before + done, model.size)

            before = 0
            for file in model.files:
                fetch_file(self._fetch, file, staged / file.path, after(before))
                before += file.size
            self.folder.install(model)
        return True

    def add(
        self, name: str, source: Path, description: Description | None = None, watcher: Watcher = Watcher()
    ) -> InstalledModel:
        """Install what is in a folder, in place of a model of this name. One of the catalogue has to match it, and
        needs no description; the folder may hold more. Raises ``ModelsError``.
        """
        with self._told(name):
            folder = SourceFolder(source)
            model = self._described(name, folder, description)
            folder.check(model.files)
            with self.folder.held(name, watcher.waiting), self._not_filling(name):
                self._need_room(model, model.size if folder.is_on_disk_of(self.folder.root) else 0)
                self.folder.discard(name)
                staged = self.folder.staging(name)
                try:
                    done = 0
                    for file in model.files:
                        folder.bring(file, staged / file.path)
                        done += file.size
                        watcher.progress(done, model.size)
                    return self.folder.install(model)
                except BaseException:
                    self.folder.discard(name)
                    raise

    def remove(self, name: str, watcher: Watcher = Watcher()) -> None:
        """Also one that is damaged. Raises ``ModelsError``."""
        self._installed(name)
        with self._told(name), self.folder.held(name, watcher.waiting):
            self._installed(name)
            self.folder.remove(name)

    def verify(self, name: str) -> list[str]:
        """What is wrong with an installed model, after reading all of it. Raises ``ModelsError``."""
        self._installed(name)
        with self._told(name):
            return self.folder.faults(name)

    def remedy(self, name: str) -> str:
        """What to do about a damaged model."""
        if name in self.catalogue:
            return f"dragoman models pull {name}"
        return f"dragoman models add {name} --path FOLDER"

    def _entry(self, name: str) -> Model:
        if name not in self.catalogue:
            known = ", ".join(self.catalogue) or "nothing"
            raise ModelsError(
                f"there is no model {name!r} in the catalogue, which has {known}; one of your own is installed with "
                f"`dragoman models add {name} --path FOLDER`"
            )
        return self.catalogue[name]

    def _described(self, name: str, folder: SourceFolder, description: Description | None) -> Model:
        if (entry := self.catalogue.get(name)) is not None:
            if description is not None:
                raise ModelsError(f"{name} is described in the catalogue; give another name, or no description")
            return entry
        described = description or Description()
        layout = folder.layout(described.engine)
        engine = layout.engine if layout else described.engine
        if engine is None:
            raise ModelsError(f"{name} is not in the catalogue; say which engine runs it, and which languages it knows")
        told = folder.language(layout) if layout else None
        languages = described.languages or ((told,) if told else ())
        if described.task is ModelTask.RECOGNITION and not languages:
            raise ModelsError("a model that recognises speech needs at least one language; say it with --language")
        kind = described.kind or (layout.kind if layout else "")
        model = Model(name, described.task, engine, folder.describe(layout), languages, kind)
        check_model(model)
        return model

    def _is_whole(self, model: Model) -> bool:
        try:
            found = self.folder.model(model.name)
        except FileNotFoundError:
            return False
        if isinstance(found, DamagedModel):
            return False
        same = {(file.path, file.sha256) for file in found.model.files} == {
            (file.path, file.sha256) for file in model.files
        }
        return same and not self.folder.faults(model.name)

    def _installed(self, name: str) -> InstalledModel | DamagedModel:
        try:
            if not name or name.startswith(".") or Path(name).name != name:
                raise FileNotFoundError
            return self.folder.model(name)
        except FileNotFoundError:
            raise ModelsError(f"there is no model {name!r} in {self.folder.root}; see `dragoman models list`") from None

    def _need_room(self, model: Model, present: int) -> None:
        needed, free = model.size - present, self.folder.free_bytes()
        if needed and free < needed + self._keep_free_bytes:
            raise ModelsError(
                f"{model.name} needs {needed / 1e6:,.0f} MB more on the disk of {self.folder.root}, which has "
                f"{free / 1e6:,.0f} MB free, of which {self._keep_free_bytes / 1e6:,.0f} MB are to stay so "
                f"(min_free_disk_mb); make room there, or set models_dir to a folder on another disk"
            )

    @contextmanager
    def _not_filling(self, name: str) -> Iterator[None]:
        """A disk that is full after all is given back what was staged: others need it."""
        try:
            yield
        except OSError as error:
            if error.errno in _DISK_FULL:
                self.folder.discard(name)
            raise

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Every failure as a ``ModelsError``."""
        try:
            yield
        except DownloadFailed as error:
            raise ModelsError(f"{name}: {error}; the same command goes on with what is there already") from error
        except (UnusableFolder, CatalogueError) as error:
            raise ModelsError(f"{name}: {error}") from error
        except OSError as error:
            reason = error.strerror or str(error)
            if error.errno in _DISK_FULL:
                raise ModelsError(
                    f"{name}: the disk of {self.folder.root} is full ({reason}); what had come was removed again. Make "
                    f"room there, or set models_dir to a folder on another disk"
                ) from error
            raise ModelsError(f"{name}: {error.filename or self.folder.root}: {reason}") from error
