"""Which installed model serves which language of a profile. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dragoman.core.errors import UnknownModel, UnsupportedLanguage
from dragoman.core.models import Model, ModelEngine, ModelTask

_MOST_NAMED: Final = 3
"""Of models that could be installed: the smallest."""


@dataclass(frozen=True, slots=True)
class ModelWish:
    """What a profile says about its models."""

    profile: str
    engine: ModelEngine | None = None
    """``None``: any."""
    models: tuple[str, ...] = ()
    """By name; of several that know a language the first serves it. None: every installed one of the engine."""


def candidates(wish: ModelWish, installed: Iterable[Model]) -> list[Model]:
    """The models that may serve this profile, the preferred ones first.

    Raises ``UnknownModel`` for one that the profile names and that is not installed, or is for another task or engine.
    """
    fitting = {
        model.name: model
        for model in installed
        if model.task is ModelTask.RECOGNITION and wish.engine in (None, model.engine)
    }
    missing = [name for name in wish.models if name not in fitting]
    if missing:
        raise UnknownModel(
            f"Profile {wish.profile} names the model {missing[0]}, which is not installed or does not fit its engine; "
            f"see `dragoman models list`."
        )
    return [fitting[name] for name in wish.models or fitting]


def contested(wish: ModelWish, installed: Iterable[Model]) -> dict[str, list[str]]:
    """Languages that several models claim although the profile does not say which: language → names. Raises
    ``UnknownModel`` as ``candidates`` does.
    """
    able = candidates(wish, installed)
    if wish.models:
        return {}
    claims: dict[str, list[str]] = {}
    for model in able:
        for language in model.languages:
            claims.setdefault(language, []).append(model.name)
    return {language: names for language, names in sorted(claims.items()) if len(names) > 1}


def choose(wish: ModelWish, language: str | None, installed: Sequence[Model], catalogue: Mapping[str, Model]) -> Model:
    """The model that recognises this language (ISO 639-1) for this profile; without a language, the one that the
    profile names first, or the only one there is.

    Raises ``UnsupportedLanguage`` when there is none, saying what to install, or when several claim the language and
    the profile does not say which, and ``UnknownModel`` as ``candidates`` does.
    """
    able = [model for model in candidates(wish, installed) if language is None or language in model.languages]
    if not able:
        raise UnsupportedLanguage(_nothing_installed(wish, language, catalogue))
    if len(able) > 1 and not wish.models:
        names = " and ".join(model.name for model in able)
        what = f"the language {language}" if language else "every language"
        raise UnsupportedLanguage(
            f"The models {names} claim {what}; say in `models` of profile {wish.profile} which one is to serve it."
        )
    return able[0]


def advice(profile: str, language: str, installed: Iterable[Model], catalogue: Mapping[str, Model]) -> str:
    """What to do so that a profile recognises a language that it does not."""
    anyone = ModelWish(profile)
    named = f"name it in `models` of a profile, and that profile in `others` of profile {profile}."
    if there := _knowing(anyone, language, installed):
        return f"The installed model {there[0].name} does: {named}"
    return f"{_install(anyone, language, catalogue)}, {named}"


def _nothing_installed(wish: ModelWish, language: str | None, catalogue: Mapping[str, Model]) -> str:
    what = f"the language {language}" if language else "speech"
    named = f", and name it in `models` of profile {wish.profile}" if wish.models else ""
    told = f"No installed model of profile {wish.profile} recognises {what}."
    return f"{told} {_install(wish, language, catalogue)}{named}."


def _install(wish: ModelWish, language: str | None, catalogue: Mapping[str, Model]) -> str:
    """The beginning of a sentence."""
    fitting = _knowing(wish, language, catalogue.values())
    if not fitting:
        return "The catalogue has none; add one with `dragoman models add NAME --path FOLDER`"
    commands = (f"`dragoman models pull {model.name}`" for model in fitting[:_MOST_NAMED])
    return f"Install a model with {' or '.join(commands)}"


def _knowing(wish: ModelWish, language: str | None, models: Iterable[Model]) -> list[Model]:
    """Those that fit, the smallest first."""
    fitting = (
        model
        for model in models
        if model.task is ModelTask.RECOGNITION
        and wish.engine in (None, model.engine)
        and (language is None or language in model.languages)
    )
    return sorted(fitting, key=lambda each: each.size)
