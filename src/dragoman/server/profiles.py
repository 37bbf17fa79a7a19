"""Profiles → their recognisers. One whose model cannot be used leaves the others as they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from dragoman.core.errors import EngineNotReady
from dragoman.server.settings import Profile
from dragoman.service.recognise import Recogniser

Load = Callable[[Collection[Profile]], Mapping[Profile, Recogniser]]
"""Profiles of one model → their recognisers, loaded. Raises ``EngineNotReady``."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """By profile: its recogniser, or why there is none."""

    recognisers: dict[str, Recogniser]
    faults: dict[str, str]


def load_profiles(profiles: Mapping[str, Profile], place: Callable[[str, Profile], Profile], load: Load) -> Loaded:
    """``place`` gives a profile of this name with the folder of its model, and raises ``EngineNotReady`` as well.

    What profiles have in common is loaded once. Raises ``EngineNotReady`` when the profile ``default`` cannot be used.
    """
    faults: dict[str, str] = {}
    groups: dict[tuple[object, ...], dict[str, Profile]] = {}
    for name, profile in profiles.items():
        try:
            placed = place(name, profile)
        except EngineNotReady as error:
            faults[name] = error.message
        else:
            groups.setdefault(_model(placed), {})[name] = placed
    alone: dict[str, Recogniser] = {}
    for group in groups.values():
        try:
            loaded = load(set(group.values()))
        except EngineNotReady as error:
            faults |= dict.fromkeys(group, error.message)
            continue
        for name, placed in group.items():
            try:
                alone[name] = loaded[placed].limited_to(placed.languages) if placed.languages else loaded[placed]
            except EngineNotReady as error:
                faults[name] = f"Profile {name}: {error.message}."
    recognisers: dict[str, Recogniser] = {}
    for name in alone:
        others = {other: alone[other] for other in profiles[name].others if other in alone}
        try:
            recognisers[name] = alone[name].beside(others)
        except EngineNotReady as error:
            faults[name] = f"Profile {name}: {error.message}."
    if "default" in faults:
        raise EngineNotReady(faults["default"])
    return Loaded(recognisers, faults)


def _model(placed: Profile) -> tuple[object, ...]:
    """What profiles have in common that one model serves."""
    return placed.engine, placed.moonshine, placed.whisper, placed.sherpa
