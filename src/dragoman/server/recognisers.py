"""Settings → the recognition use case, with its worker processes. This process loads no model."""

from __future__ import annotations

import importlib.util
import sys
import wave
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from dragoman.core.errors import EngineNotReady
from dragoman.server.models import advice
from dragoman.server.settings import Settings
from dragoman.service import worker_protocol
from dragoman.service.limits import Admission, Quota
from dragoman.service.recognition import Recognition
from dragoman.service.workers import Timing, WorkerPool
from dragoman.transport.spool import Spool

_COMMAND: Final = (sys.executable, "-P", "-m", "dragoman.server.worker_main")
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""There are as many workers as cores."""
_SAMPLE: Final = Path("assets", "beckett.wav")
_SAMPLE_S: Final = 2.5


def build_recognition(settings: Settings) -> Recognition:
    """Nothing is started yet: ``await recognition.start()``, and ``aclose()`` at the end."""
    return Recognition(
        build_pool(settings),
        Admission(settings.concurrent_files),
        Quota({name: profile.quota_minutes for name, profile in settings.profiles.items()}),
        spoken_sample(settings.spool_dir),
        readiness_cache_s=settings.readiness_cache_s,
        max_streams=settings.max_concurrent_streams,
        advise=partial(advice, settings),
    )


def build_pool(settings: Settings) -> WorkerPool:
    """How many streams a worker can serve is not measured where the settings say how many there are."""
    streams = settings.max_concurrent_streams
    known = {worker_protocol.STREAM_CAPACITY: str(streams)} if streams is not None else {}
    return WorkerPool(
        _COMMAND,
        msgspec.json.encode(settings, enc_hook=str),
        workers=settings.worker_count,
        environment=_ONE_THREAD | known,
        timing=Timing(stalled_after=settings.stalled_after_s),
    )


@contextmanager
def spoken_sample(folder: Path) -> Iterator[Path]:
    """The beginning of a recording that the recogniser's wheel carries, as a file for as long as it is needed. What a
    process that was killed left of it in ``folder`` is removed.

    Raises ``EngineNotReady`` when the wheel is not there.
    """
    spec = importlib.util.find_spec("moonshine_voice")  # found, not imported: importing loads a native library
    recording = Path(spec.origin).parent / _SAMPLE if spec is not None and spec.origin is not None else _SAMPLE
    with closing(Spool(folder)) as spool:
        spool.open()
        with spool.create() as file:
            try:
                with wave.open(str(recording)) as whole, wave.open(str(file.path), "wb") as part:
                    part.setparams(whole.getparams())
                    part.writeframes(whole.readframes(round(_SAMPLE_S * whole.getframerate())))
            except OSError as error:
                raise EngineNotReady(
                    f"the package moonshine-voice is not complete; install it again ({error})"
                ) from error
            yield file.path
