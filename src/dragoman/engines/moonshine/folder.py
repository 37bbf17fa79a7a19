"""Which model lies in a folder."""

from __future__ import annotations

from pathlib import Path

from dragoman.core.errors import EngineNotReady
from dragoman.core.model_layouts import MOONSHINE, MOONSHINE_STREAMING
from dragoman.engines.moonshine.model import MoonshineModel
from dragoman.engines.moonshine.network import Network
from dragoman.engines.moonshine.streaming import StreamingModel


def network_in(folder: Path) -> Network:
    """Not loaded. Raises ``EngineNotReady`` with what to do when the folder is not complete."""
    if not folder.is_dir():
        raise EngineNotReady(f"there is no folder {folder}; name one with a Moonshine model")
    names = {path.name for path in folder.iterdir()}
    streaming = MOONSHINE_STREAMING.is_meant(names)
    layout = MOONSHINE_STREAMING if streaming else MOONSHINE
    if missing := layout.missing(names):
        raise EngineNotReady(f"the Moonshine model in {folder} is not complete, put there: {', '.join(missing)}")
    return StreamingModel(folder) if streaming else MoonshineModel(folder, known=False)
