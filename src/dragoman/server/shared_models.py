"""Installed models that serve every profile: whose language is spoken, and what is heard besides speech."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from dragoman.core.errors import EngineNotReady
from dragoman.core.models import InstalledModel, ModelEngine, ModelTask
from dragoman.core.ports import AudioTagger, LanguageIdentifier
from dragoman.server.models import installed_for
from dragoman.server.settings import Settings
from dragoman.service.recognise import Recogniser

log = logging.getLogger("dragoman.worker")

T = TypeVar("T")


def with_shared_models(settings: Settings, recognisers: Mapping[str, Recogniser]) -> dict[str, Recogniser]:
    """Recognisers, by profile, with what is installed for all of them. Where no model is named to identify languages,
    one that can do so itself does, because what it hears it has to hear anyhow.

    Files are looked at, but no model is loaded that can be loaded when it is first needed. One that cannot be used
    leaves the profiles as they are, and the log says why.
    """
    identifier = _usable(settings, ModelTask.LANGUAGE_IDENTIFICATION, IDENTIFIERS)
    tagger = _usable(settings, ModelTask.AUDIO_TAGGING, TAGGERS)
    is_named = identifier is not None and settings.language_identification is not None
    return {
        name: replace(
            recogniser,
            identifier=identifier if is_named else recogniser.identifier or identifier,
            tagger=tagger or recogniser.tagger,
        )
        for name, recogniser in recognisers.items()
    }


def _usable(settings: Settings, task: ModelTask, makers: Mapping[ModelEngine, Callable[[Path], T]]) -> T | None:
    try:
        found = installed_for(settings, task)
        return None if found is None else _made(makers, found)
    except EngineNotReady as error:
        log.error("no model for %s can be used: %s", task, error.message)
        return None


def _made(makers: Mapping[ModelEngine, Callable[[Path], T]], found: InstalledModel) -> T:
    model = found.model
    if model.engine not in makers:
        able = ", ".join(makers)
        raise EngineNotReady(f"the engine of {model.name}, {model.engine}, has no models for {model.task}; {able} has")
    return makers[model.engine](found.folder)


def _sherpa_identifier(folder: Path) -> LanguageIdentifier:
    from dragoman.engines.sherpa.identifier import SherpaIdentifier

    identifier = SherpaIdentifier(folder)
    _ = identifier.languages
    return identifier


def _whisper_identifier(folder: Path) -> LanguageIdentifier:
    from dragoman.engines.whisper.identifier import WhisperIdentifier
    from dragoman.engines.whisper.network import Resources, WhisperNetwork

    network = WhisperNetwork(folder, Resources())
    network.load()
    if not network.is_multilingual:
        raise EngineNotReady(f"the Whisper model in {folder} knows English alone; take one that knows more languages")
    return WhisperIdentifier(network)


def _sherpa_tagger(folder: Path) -> AudioTagger:
    from dragoman.engines.sherpa.tagger import SherpaTagger

    tagger = SherpaTagger(folder)
    tagger.check()
    return tagger


IDENTIFIERS: Final[dict[ModelEngine, Callable[[Path], LanguageIdentifier]]] = {
    ModelEngine.SHERPA: _sherpa_identifier,
    ModelEngine.WHISPER: _whisper_identifier,
}
TAGGERS: Final[dict[ModelEngine, Callable[[Path], AudioTagger]]] = {ModelEngine.SHERPA: _sherpa_tagger}
"""Each engine: the folder of a model → what it does. Imports are inside, so that a worker loads only what it uses."""
