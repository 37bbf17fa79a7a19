"""What a Moonshine model does, whichever files it consists of: audio → states, tokens and states → logits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from dragoman.core.errors import Cancelled

Floats = npt.NDArray[np.float32]
Feed = Mapping[str, npt.NDArray[np.generic] | ort.OrtValue]

_POLL_S: Final = 0.05


@dataclass(slots=True)
class DecoderState:
    """What the decoder remembers of some hypotheses over one piece of audio.

    ``audio`` is what it keeps of the audio; ``past`` the keys and values of the tokens so far, each
    ``[hypotheses, ..., position, head size]``.
    """

    audio: Mapping[str, ort.OrtValue]
    past: Sequence[Floats]
    position: int = 0

    def select(self, hypotheses: npt.NDArray[np.intp]) -> None:
        """Keep these hypotheses, in this order; one may be taken several times."""
        self.past = [array[hypotheses] for array in self.past]

    def cut(self, position: int) -> None:
        """Forget all tokens but the first ``position``."""
        self.past = [np.ascontiguousarray(array[..., :position, :]) for array in self.past]
        self.position = position


class Decoder(Protocol):
    vocabulary: int
    """How many tokens there are."""
    batches: bool
    """Whether several hypotheses cost less together than one by one."""

    def begin(self, states: Floats) -> DecoderState:
        """One hypothesis without tokens over encoder states."""
        ...

    def step(self, tokens: npt.NDArray[np.int64], state: DecoderState) -> Floats:
        """``[hypotheses, new]`` more tokens → logits ``[hypotheses, new, vocabulary]``; ``state`` moves on."""
        ...


class Network(Decoder, Protocol):
    """Stateless and shared. One thread: a core is a worker's whole budget."""

    def load(self) -> None:
        """Raises ``ValueError`` with what is wrong with which file, and onnxruntime's own errors."""
        ...

    def prepare(self, audio: Floats) -> Floats:
        """A segment as the model wants to hear it."""
        ...

    def encode(self, samples: Floats, cancelled: Callable[[], bool] | None = None) -> Floats:
        """``[n]`` samples at 16 kHz → states, whose last dimension but one are frames. Raises ``Cancelled``."""
        ...

    def listen(self) -> Callable[[Floats], Floats]:
        """For an utterance that is being spoken: all its samples so far → states, no frames where there is too little.
        Each time it is given at least as many samples as the time before."""
        ...

    def attention(self, states: Floats, tokens: Sequence[int]) -> Floats | None:
        """Where the decoder looks while it says each token, ``[tokens, frames]``; ``None``: it does not tell."""
        ...


def session(model: Path | bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = model if isinstance(model, bytes) else str(model)
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def opened(path: Path, inputs: Collection[str], outputs: Collection[str]) -> ort.InferenceSession:
    """The graph in a file. Raises ``ValueError`` unless it takes exactly these inputs and gives at least these
    outputs."""
    graph = session(path)
    for what, expected, found in (
        ("takes", set(inputs), {each.name for each in graph.get_inputs()}),
        ("gives", set(outputs), {each.name for each in graph.get_outputs()}),
    ):
        if not expected <= found or (what == "takes" and found != expected):
            raise ValueError(
                f"{path.name} {what} {', '.join(sorted(found)) or 'nothing'} where "
                f"{', '.join(sorted(expected))} is expected; it is of a release that is not known here"
            )
    return graph


def run(
    graph: ort.InferenceSession, outputs: Sequence[str] | None, feed: Feed, cancelled: Callable[[], bool] | None = None
) -> list[npt.NDArray[np.float32]]:
    """``cancelled`` is asked every 50 ms while the graph runs, which ends early when it is true. Raises
    ``Cancelled``."""
    if cancelled is None:
        return list(graph.run(outputs, feed))
    options = ort.RunOptions()
    options.log_severity_level = 4  # that it was stopped is no news
    with ThreadPoolExecutor(1, thread_name_prefix="moonshine") as pool:
        work = pool.submit(graph.run, outputs, feed, options)
        while True:
            if cancelled():
                options.terminate = True
                raise Cancelled
            try:
                return list(work.result(_POLL_S))
            except TimeoutError:
                if work.done():
                    raise


def each_alone(
    tokens: npt.NDArray[np.int64],
    state: DecoderState,
    step: Callable[[npt.NDArray[np.int64], Sequence[Floats]], tuple[Floats, Sequence[Floats]]],
) -> Floats:
    """``Decoder.step`` for a graph that knows one hypothesis: tokens ``[1, new]`` and a past → logits and the past with
    the new tokens."""
    results = [step(tokens[at : at + 1], [array[at : at + 1] for array in state.past]) for at in range(len(tokens))]
    state.past = [np.concatenate(arrays) for arrays in zip(*(past for _, past in results), strict=True)]
    state.position += tokens.shape[1]
    return np.concatenate([logits for logits, _ in results])
