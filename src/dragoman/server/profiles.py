"""Profiles → their recognisers. One whose model cannot be used leaves the others as they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from dragoman.audio.decode import MediaLimits
from dragoman.core.errors import EngineNotReady
from dragoman.core.ports import Engine
from dragoman.language.classes import WordClasses
from dragoman.server.settings import Moonshine, Profile, Settings, Sherpa, Whisper
from dragoman.server.shared_models import with_shared_models
from dragoman.service.recognise import Recogniser
from dragoman.service.transcribe import Transcriber

FAKE_SCRIPT: Final = "DRAGOMAN_FAKE_SCRIPT"
"""The variable that names the script of the fake engine."""


Made = Callable[[Profile], Recogniser]
"""A model that is loaded → the recogniser of a profile that has it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """By profile: its recogniser, or why there is none."""

    recognisers: dict[str, Recogniser]
    faults: dict[str, str]


def build_transcriber(settings: Settings) -> Transcriber:
    """The configured recognisers, loaded, for files. Raises ``EngineNotReady``."""
    return Transcriber(build_recognisers(settings), media_limits(settings))


def build_recognisers(settings: Settings) -> dict[str, Recogniser]:
    """The configured recognisers, loaded, by profile. Raises ``EngineNotReady`` when ``default`` cannot be used."""
    return load_recognisers(settings).recognisers


def load_recognisers(settings: Settings) -> Loaded:
    """The same, and what is wrong with those that cannot be used. What profiles have in common is loaded once."""
    faults: dict[str, str] = {}
    groups: dict[tuple[object, ...], dict[str, Profile]] = {}
    for name, profile in settings.profiles.items():
        try:
            placed = _placed(settings, name, profile)
        except EngineNotReady as error:
            faults[name] = error.message
        else:
            groups.setdefault(_model(placed), {})[name] = placed
    classes = WordClasses(settings.classes_dir)
    classes.load()
    alone: dict[str, Recogniser] = {}
    for (engine, *_), group in groups.items():
        try:
            made = RECOGNISERS[str(engine)](next(iter(group.values())), classes)
        except EngineNotReady as error:
            faults |= dict.fromkeys(group, error.message)
            continue
        for name, placed in group.items():
            try:
                alone[name] = made(placed).limited_to(placed.languages) if placed.languages else made(placed)
            except EngineNotReady as error:
                faults[name] = f"Profile {name}: {error.message}."
    recognisers: dict[str, Recogniser] = {}
    for name in alone:
        others = {other: alone[other] for other in settings.profiles[name].others if other in alone}
        try:
            recognisers[name] = alone[name].beside(others)
        except EngineNotReady as error:
            faults[name] = f"Profile {name}: {error.message}."
    if "default" in faults:
        raise EngineNotReady(faults["default"])
    return Loaded(with_shared_models(settings, recognisers), faults)


def _placed(settings: Settings, name: str, profile: Profile) -> Profile:
    """The profile with the folder of its model. Raises ``EngineNotReady``."""
    if profile.engine == "moonshine":
        return _placed_moonshine(settings, name, profile) if profile.models else profile
    if profile.engine == "sherpa":
        return msgspec.structs.replace(profile, sherpa=_placed_sherpa(settings, name, profile.sherpa or Sherpa()))
    if profile.engine != "whisper":
        return profile
    model = profile.whisper or Whisper()
    if model.folder is None:
        from dragoman.server.models import model_in

        model = msgspec.structs.replace(model, folder=model_in(settings, name, model.language))
    return msgspec.structs.replace(profile, whisper=model)


def _placed_moonshine(settings: Settings, name: str, profile: Profile) -> Profile:
    """With the folder of the installed model that it names, and the language that is known of that model."""
    from dragoman.server.models import languages_in, model_in

    folder = model_in(settings, name, None)
    table = Moonshine(folder=folder, language=languages_in(folder)[0])
    return msgspec.structs.replace(profile, models=(), moonshine=table)


def _placed_sherpa(settings: Settings, name: str, model: Sherpa) -> Sherpa:
    """With its folder, and the languages that the catalogue or whoever installed it gave it."""
    if model.folder is not None:
        return model
    from dragoman.server.models import languages_in, model_in

    folder = model_in(settings, name, model.language)
    return msgspec.structs.replace(model, folder=folder, languages=model.languages or languages_in(folder))


def _model(placed: Profile) -> tuple[object, ...]:
    """What profiles have in common that one model serves."""
    return placed.engine, placed.moonshine, placed.whisper, placed.sherpa


def media_limits(settings: Settings) -> MediaLimits:
    return MediaLimits(max_duration_ms=settings.max_duration_s * 1000, max_channels=settings.max_channels)


def _fake(placed: Profile, classes: WordClasses) -> Made:
    from dragoman.engines import fake

    script = fake.read_script(Path(named)) if (named := os.environ.get(FAKE_SCRIPT)) else fake.Script()
    identifier = fake.LoudnessIdentifier(script.languages) if script.identifies else None
    recogniser = Recogniser(
        fake.FakeEngine(script),
        fake.EvenAligner(),
        fake.AllSpeech(),
        fake.SpellingMatcher(),
        identifier,
        diarizer=fake.LoudnessDiarizer() if script.diarizes else None,
        tagger=fake.LoudnessTagger(script.sounds) if script.sounds else None,
    )
    return lambda profile: recogniser


def _moonshine(placed: Profile, classes: WordClasses) -> Made:
    from dragoman.engines.moonshine.align import AttentionAligner
    from dragoman.engines.moonshine.engine import MoonshineEngine

    model = placed.moonshine
    engine = MoonshineEngine(class_members=classes.members)
    if model is not None:
        engine = MoonshineEngine(folder=model.folder, languages=(model.language,), class_members=classes.members)
    engine.load()
    recogniser = _english()(engine)
    if model is not None and model.language != "en":
        recogniser = replace(recogniser, aligners={model.language: AttentionAligner(engine)})
    return lambda profile: replace(recogniser, engine=engine.in_mode(profile.mode))


def _whisper(placed: Profile, classes: WordClasses) -> Made:
    from dragoman.engines.whisper.align import AttentionAligner
    from dragoman.engines.whisper.engine import WhisperEngine
    from dragoman.engines.whisper.identifier import WhisperIdentifier
    from dragoman.engines.whisper.network import Resources, WhisperNetwork

    model = placed.whisper
    assert model is not None
    assert model.folder is not None
    resources = Resources(
        device=model.device,
        device_index=model.device_index,
        compute_type=model.compute_type,
        threads=model.threads,
        gpu_memory_mb=model.gpu_memory_mb,
        idle_s=model.idle_s,
    )
    network = WhisperNetwork(model.folder, resources)
    engine = WhisperEngine(network, language=model.language, draft_batch=model.draft_batch)
    engine.load()
    recogniser = replace(
        _english()(engine),
        identifier=WhisperIdentifier(network) if network.is_multilingual else None,
        aligners={other: AttentionAligner(network, other) for other in network.languages if other != "en"},
    )
    return lambda profile: replace(recogniser, engine=engine.in_mode(profile.mode))


def _sherpa(placed: Profile, classes: WordClasses) -> Made:
    from dragoman.engines.sherpa.align import TokenAligner
    from dragoman.engines.sherpa.engine import SherpaEngine
    from dragoman.engines.sherpa.library import Resources
    from dragoman.engines.sherpa.network import SherpaNetwork

    model = placed.sherpa
    assert model is not None
    assert model.folder is not None
    resources = Resources(
        device=model.device,
        threads=model.threads,
        int8=model.int8,
        gpu_memory_mb=model.gpu_memory_mb,
        idle_s=model.idle_s,
    )
    engine = SherpaEngine(
        SherpaNetwork(model.folder, resources, model.beam),
        language=model.language,
        languages=model.languages,
        draft_batch=model.draft_batch,
        class_members=classes.members,
    )
    engine.load()
    aligner = TokenAligner(engine.places)
    aligners = {language: aligner for language in engine.capabilities.languages if language != "en"}
    recogniser = replace(_english()(engine), aligners=aligners)
    return lambda profile: recogniser


@cache
def _english() -> Callable[[Engine], Recogniser]:
    """What any engine needs beside it to recognise English, loaded."""
    from dragoman.analysis.align import PocketSphinxAligner
    from dragoman.analysis.diarize import Diarizer
    from dragoman.analysis.dictionary_matching import SoundMatcher
    from dragoman.audio.vad import SileroVad

    aligner, voice_activity = PocketSphinxAligner(), SileroVad()
    aligner.load()
    voice_activity.load()
    matcher = SoundMatcher(aligner)
    matcher.load()
    diarizer = Diarizer()
    told_apart = diarizer if diarizer.is_installed else None
    return lambda engine: Recogniser(engine, aligner, voice_activity, matcher, diarizer=told_apart)


RECOGNISERS: Final[dict[str, Callable[[Profile, WordClasses], Made]]] = {
    "moonshine": _moonshine,
    "whisper": _whisper,
    "sherpa": _sherpa,
    "fake": _fake,
}
"""Each engine: a profile → its model, loaded, for this profile and those that have the same. The imports are inside, so
that a worker loads only what it uses. Each raises ``EngineNotReady``."""
