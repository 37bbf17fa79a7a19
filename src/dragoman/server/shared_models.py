"""Installed models that serve every profile: whose language is spoken, and what is heard besides speech."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from dragoman.core.errors import EngineNotReady
from dragoman.core.models import InstalledModel, ModelEngine, ModelTask
from dragoman.core.ports import AudioTagger, LanguageIdentifier
from dragoman.server.models import installed_for
from dragoman.server.settings import Settings
from dragoman.service.recognise import Recogniser

T = TypeVar("T")


def with_installed(settings: Settings) -> Callable[[Recogniser], Recogniser]:
    """Adds to a recogniser what is installed for all of them. Where no model is named to identify languages, a
    recogniser that can do so itself does, because what it hears it has to hear anyhow. Nothing is loaded yet that could
    be loaded later, but files are looked at. Raises ``EngineNotReady``.
    """
    identifying = installed_for(settings, ModelTask.LANGUAGE_IDENTIFICATION)
    tagging = installed_for(settings, ModelTask.AUDIO_TAGGING)
    identifier = None if identifying is None else _made(IDENTIFIERS, identifying)
    tagger = None if tagging is None else _made(TAGGERS, tagging)
    is_named = settings.language_identification is not None

    def added(recogniser: Recogniser) -> Recogniser:
        own = None if is_named else recogniser.identifier
        return replace(recogniser, identifier=own or identifier, tagger=tagger or recogniser.tagger)

    return added


def _made(makers: dict[ModelEngine, Callable[[Path], T]], found: InstalledModel) -> T:
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
