"""The library itself: whether it is installed, and what it can compute on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dragoman.core.errors import EngineNotReady

_EXTRA: Final = "models of sherpa-onnx need another package: pip install 'dragoman[sherpa]'"
_CUDA: Final = "lib/*onnxruntime_providers_cuda*"
_MEBIBYTE: Final = 2**20


@dataclass(frozen=True, slots=True)
class Resources:
    """What a model may use. ``device`` is cpu or cuda, ``threads`` are those of a processor.

    ``int8`` says which of two forms of a model is taken where a folder has both; ``None``: on a processor the
    quantised one. ``gpu_memory_mb``: larger files are not loaded; the library has no limit for what it takes to run
    them. ``idle_s``: after so long without work the memory is given back, and the files are read again when there is
    work.
    """

    device: str = "cpu"
    threads: int = 1
    int8: bool | None = None
    gpu_memory_mb: int | None = None
    idle_s: float | None = None

    @property
    def prefers_int8(self) -> bool:
        return self.device == "cpu" if self.int8 is None else self.int8


def load_library() -> Any:
    """The module. Raises ``EngineNotReady`` with what to do where it is not installed."""
    try:
        import sherpa_onnx
    except ImportError as error:
        raise EngineNotReady(f"{_EXTRA} ({error})") from error
    return sherpa_onnx


def check_resources(resources: Resources, files: Collection[Path]) -> None:
    """Raises ``EngineNotReady`` where the library is not installed, would compute on the processor although a GPU was
    named, and where the files are larger than they may be."""
    library = load_library()
    if resources.device == "cpu":
        return
    size_mb = sum(file.stat().st_size for file in files) // _MEBIBYTE
    if resources.gpu_memory_mb is not None and size_mb >= resources.gpu_memory_mb:
        raise EngineNotReady(
            f"the model in {min(files).parent} takes {size_mb} MiB, more than the {resources.gpu_memory_mb} MiB that "
            "gpu_memory_mb allows; take a smaller model, or allow more"
        )
    if not any(Path(library.__file__).parent.glob(_CUDA)):
        raise EngineNotReady(
            "the sherpa-onnx that is installed computes on processors only; install a build for CUDA over it, or set "
            "device to cpu"
        )
