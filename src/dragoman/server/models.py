"""Settings → the models that are installed and those of the catalogues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from dragoman.core.errors import EngineNotReady, UnknownModel, UnsupportedLanguage
from dragoman.core.models import InstalledModel, Model, ModelEngine
from dragoman.server.settings import Settings
from dragoman.server.state import state_folder
from dragoman.service import model_choice
from dragoman.service.model_catalogue import CatalogueError, read_catalogue
from dragoman.service.model_choice import ModelWish, candidates, choose
from dragoman.service.model_folder import DamagedModel, ModelFolder
from dragoman.service.models import Models
from dragoman.transport.download import fetch


def build_models(settings: Settings) -> Models:
    """Raises ``CatalogueError``."""
    return Models(
        ModelFolder(models_folder(settings)),
        catalogue(settings),
        None if settings.offline else fetch,
        keep_free_bytes=settings.min_free_disk_mb * 2**20,
    )


def models_folder(settings: Settings) -> Path:
    """Where models are installed."""
    return settings.models_dir or state_folder(settings) / "models"


def model_in(settings: Settings, name: str, language: str | None) -> Path:
    """The folder of the installed model that serves a profile. Raises ``EngineNotReady`` with what to do."""
    wish = next(each for each in wishes(settings) if each.profile == name)
    root = models_folder(settings)
    found = ModelFolder(root).models()
    installed = [each for each in found if isinstance(each, InstalledModel)]
    try:
        for each in found:
            if isinstance(each, DamagedModel) and each.name in wish.models:
                remedy = build_models(settings).remedy(each.name)
                raise EngineNotReady(
                    f"The model {each.name} of profile {name} is damaged: {each.fault}. Use `{remedy}`."
                )
        chosen = choose(wish, language, [each.model for each in installed], catalogue(settings))
    except (UnknownModel, UnsupportedLanguage, CatalogueError) as error:
        raise EngineNotReady(str(error)) from error
    return next(each.folder for each in installed if each.model == chosen)


def languages_in(folder: Path) -> tuple[str, ...]:
    """Those of an installed model, by its folder."""
    installed = ModelFolder(folder.parent).model(folder.name)
    return installed.model.languages if isinstance(installed, InstalledModel) else ()


def advice(settings: Settings, profile: str, language: str, faults: Mapping[str, str]) -> str:
    """What to do so that a profile recognises a language that it does not. ``faults``: profiles that cannot be used."""
    if broken := [faults[other] for other in settings.profiles[profile].others if other in faults]:
        return " ".join(broken)
    try:
        known = catalogue(settings)
    except CatalogueError as error:
        return f"{error}."
    found = ModelFolder(models_folder(settings)).models()
    return model_choice.advice(profile, language, [e.model for e in found if isinstance(e, InstalledModel)], known)


def catalogue(settings: Settings) -> dict[str, Model]:
    """The built-in catalogue, and the operator's own over it. Raises ``CatalogueError``."""
    built_in = (files("dragoman.server") / "data" / "models.toml").read_text(encoding="utf-8")
    models = read_catalogue(built_in, "the built-in catalogue")
    if settings.models_catalogue is None:
        return models
    try:
        own = settings.models_catalogue.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(f"cannot read the catalogue {settings.models_catalogue}: {error}") from error
    return models | read_catalogue(own, str(settings.models_catalogue))


def wishes(settings: Settings) -> Iterator[ModelWish]:
    """Of every profile that an installed model serves."""
    for name, profile in settings.profiles.items():
        if profile.engine in set(ModelEngine) and not profile.is_embedded and profile.moonshine is None:
            yield ModelWish(name, ModelEngine(profile.engine), profile.models)


def profiles_of(model: Model, settings: Settings, installed: Iterable[Model]) -> list[str]:
    """The profiles that this model may serve, also by way of others."""
    known = list(installed)
    served = []
    for wish in wishes(settings):
        try:
            if model in candidates(wish, known):
                served.append(wish.profile)
        except UnknownModel:
            continue  # the profile names a model that is not there, and serves nobody
    by_way = [name for name, profile in settings.profiles.items() if not {*profile.others}.isdisjoint(served)]
    return [name for name in settings.profiles if name in (*served, *by_way)]
