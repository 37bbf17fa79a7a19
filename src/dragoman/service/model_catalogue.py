"""Catalogues: TOML files that say which models there are, and where their files come from. Manifests: the same facts of
one model as JSON, beside its files.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from dragoman.core.models import Model, ModelEngine, ModelFile, ModelTask
from dragoman.language.tags import iso_639_1
from dragoman.service.download import UNFINISHED, may_be_fetched

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$"
MANIFEST: Final = "dragoman-model.json"
"""The name of the manifest in the folder of a model."""

_HIGHEST_SIZE: Final = 2**40


class CatalogueError(ValueError):
    """A catalogue or a manifest cannot be used. The message names the file, the entry and the field."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    path: Annotated[str, Meta(min_length=1, max_length=200)]
    size: Annotated[int, Meta(ge=0, le=_HIGHEST_SIZE)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    url: str | None = None


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern=NAME_PATTERN)]
    task: ModelTask
    engine: ModelEngine
    files: Annotated[list[_File], Meta(min_length=1)]
    languages: list[str] = []
    kind: str = ""
    licence: str = ""
    source: str = ""


def read_catalogue(text: str, where: str) -> dict[str, Model]:
    """The models of a catalogue, by name. ``where`` is what messages call the file. Raises ``CatalogueError``."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{where} is not TOML: {error}") from error
    entries = document.pop("model", [])
    if document or not isinstance(entries, list):
        named = ", ".join(document) or "model"
        raise CatalogueError(f"{where}: {named} is not known here; a catalogue is a list of [[model]] tables")
    models: dict[str, Model] = {}
    for number, entry in enumerate(entries, start=1):
        model = _model(entry, where, number)
        if model.name in models:
            raise CatalogueError(f"{where}: two entries have the name {model.name!r}")
        models[model.name] = model
        unsourced = [file.path for file in model.files if file.url is None]
        if unsourced:
            raise CatalogueError(f"{where}, model {model.name!r}: file {unsourced[0]!r} has no url")
    return models


def read_manifest(data: bytes, where: str) -> Model:
    """Raises ``CatalogueError``."""
    try:
        entry = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{where} is not JSON: {error}") from error
    return _model(entry, where, 1)


def write_manifest(model: Model) -> bytes:
    return msgspec.json.format(msgspec.json.encode(asdict(model)), indent=2)


def check_model(model: Model) -> None:
    """Raises ``CatalogueError`` where a catalogue could not say this."""
    _model(msgspec.to_builtins(asdict(model)), "this model", 1)


def _model(given: Any, where: str, number: int) -> Model:
    name = given.get("name") if isinstance(given, Mapping) else None
    who = f"{where}, model {name!r}" if name else f"{where}, entry {number}"
    try:
        entry = msgspec.convert(given, _Entry)
        languages = tuple(_language(language) for language in entry.languages)
        files = tuple(_file(file) for file in entry.files)
        _refuse_clashes(files)
    except (msgspec.ValidationError, ValueError) as error:
        raise CatalogueError(f"{who}: {error}") from error
    return Model(entry.name, entry.task, entry.engine, files, languages, entry.kind, entry.licence, entry.source)


def _language(code: str) -> str:
    try:
        if iso_639_1(code) == code:
            return code
    except ValueError:
        pass
    raise ValueError(f"languages: {code!r} is no two-letter code of ISO 639-1")


def _file(file: _File) -> ModelFile:
    path = PurePosixPath(file.path)
    inside = path.parts and not path.is_absolute() and ".." not in path.parts and str(path) == file.path
    if not inside or not re.fullmatch(r"[\w.+@ /-]+", file.path):
        raise ValueError(f"files: path {file.path!r} is not the path of a file below the model's folder")
    if path.name == MANIFEST or path.suffix in UNFINISHED:
        raise ValueError(f"files: path {file.path!r} is that of a manifest or of an unfinished download")
    if file.url is not None and not may_be_fetched(file.url):
        raise ValueError(f"files: url of {file.path!r} has to begin with https://")
    return ModelFile(file.path, file.size, file.sha256, file.url)


def _refuse_clashes(files: Sequence[ModelFile]) -> None:
    """Also where the file system ignores case, and of a file with a folder of its name."""
    paths = {file.path.casefold() for file in files}
    for file in files:
        above = {str(parent) for parent in PurePosixPath(file.path.casefold()).parents}
        if len(paths) < len(files) or paths & above:
            raise ValueError(f"files: two of them have the path {file.path!r}, or one has it as its folder")
