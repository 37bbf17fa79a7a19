"""The two speaker models of pyannote's community-1 that the wheel ``moonshine-voice`` carries, run with onnxruntime.

The wheel's shared library holds them as exported data. The segmentation runs as it is. The embedding is a ResNet-34,
statistics pooling and one matrix; its file would compute the whole network again for every stretch of audio that is to
be embedded. Here the network is written anew around the same weights and ends before the pooling, so that it runs once
over the audio and any stretches, overlapping ones too, are pooled from its frames. A test holds the result against the
file's own. It is cut into parts, so that whoever computes can do something else between them.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import InferenceSession as OrtFile

from dragoman.analysis.fbank import FILTERS, STEP, Floats
from dragoman.codecs.onnx_graph import GraphBuilder
from dragoman.core.errors import EngineNotReady

SEGMENT_SAMPLES: Final = 160_000
"""What the segmentation hears at once: ten seconds."""
SLOTS: Final = 3
FRAME: Final = 8 * STEP
"""Samples from one frame of the embedding network to the next: 80 ms."""
FRAME_SIZE: Final = 2560
DIMENSIONS: Final = 256

_SEGMENT_FRAMES: Final = 589
_SEGMENT_STEP: Final = 270
_SEGMENT_CENTRE: Final = 495
"""Samples from one frame of the segmentation to the next, and before the middle of the first."""
_LIBRARY: Final = "libmoonshine.so"
_NAMESPACE: Final = "_ZN9cppannote19embedded_community1"
_PARTS: Final = {
    f"/resnet/layer{layer}/layer{layer}.{block}/Relu_1_output_0": (1, 16 * 2**layer, 160 // 2**layer)
    for layer, block in ((1, 1), (2, 0), (2, 3), (3, 2), (3, 5), (4, 2))
}
"""Where a part of the network ends, after about as many operations as the others; and the shape there, but for time."""
_MATRIX: Final = "resnet.seg_1.weight"
_BIAS: Final = "resnet.seg_1.bias"
_TYPES: Final = {1: np.float32, 3: np.int8}


class SpeakerModels:
    """Stateless once loaded, shared by all streams. One thread each."""

    def load(self) -> None:
        """Raises ``EngineNotReady`` where the wheel or the data in its library is missing."""
        self._segmentation = _session(embedded_model("segmentation_ort_data"))
        network = _Network(embedded_model("embedding_ort_data"))
        self._network = [_session(graph) for graph in network.graphs()]
        self._matrix = np.ascontiguousarray(network.tensors[_MATRIX].T)
        self._bias = network.tensors[_BIAS]

    def segment(self, samples: Floats) -> npt.NDArray[np.bool_]:
        """[160000] samples → [589, 3]: whether each of up to three voices is heard in each 17 ms."""
        (heard,) = self._segmentation.run(None, {"waveforms": samples[None, None, :]})
        found: npt.NDArray[np.bool_] = np.greater(np.asarray(heard)[0], 0.5)
        return found

    def frames(self, features: Floats) -> Floats:
        """[n, 80] filter-bank features → [n / 8 rounded up, 2560], what is pooled."""
        steps = self.frames_in_steps(features)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                frames: Floats = done.value
                return frames

    def frames_in_steps(self, features: Floats) -> Generator[None, None, Floats]:
        """``frames``, in steps that take 6 ms for each second of audio, or less."""
        values = np.ascontiguousarray(features.T)[None, None]
        for at, part in enumerate(self._network):
            if at:
                yield
            (values,) = part.run(None, {part.get_inputs()[0].name: values})
        flat: Floats = values.reshape(-1, values.shape[-1]).T
        return flat

    def pool(self, frames: Floats, weights: Floats) -> Floats:
        """Frames [n, 2560] under weights [stretches, n] → one voice each, [stretches, 256] of length 1.

        No stretch may be without weight.
        """
        total = weights.sum(1, keepdims=True)
        mean = weights @ frames / total
        # Unbiased, as in the file: the weights less what they count for twice.
        spare = total - (weights**2).sum(1, keepdims=True) / total
        variance = np.maximum(weights @ frames**2 - total * mean**2, 0) / np.maximum(spare, np.float32(1e-5))
        voices = np.concatenate([mean, np.sqrt(variance)], axis=1) @ self._matrix + self._bias
        unit: Floats = voices / np.linalg.norm(voices, axis=1, keepdims=True)
        return unit


def segment_frame(samples: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The frame of the segmentation whose middle is nearest to a sample of its window."""
    nearest = np.round((samples - _SEGMENT_CENTRE) / _SEGMENT_STEP)
    return np.clip(nearest, 0, _SEGMENT_FRAMES - 1).astype(np.intp)


class _Network:
    """The embedding's file in onnxruntime's own format: its tensors, and its operators up to the pooling."""

    def __init__(self, model: bytes) -> None:
        graph = OrtFile.GetRootAs(model, 0).Model().Graph()
        self._nodes = [graph.Nodes(at) for at in range(graph.NodesLength())]
        self.tensors: dict[str, Floats] = {}
        raw = {tensor.Name().decode(): tensor for tensor in map(graph.Initializers, range(graph.InitializersLength()))}
        for name, tensor in raw.items():
            if name.endswith("_quantized"):
                stem = name.removesuffix("_quantized")
                values = _values(tensor).astype(np.float32) * _values(raw[f"{stem}_scale"])
                self.tensors[stem] = values + _values(raw[f"{stem}_zero_point"])
            elif tensor.DataType() == 1:
                self.tensors[name] = _values(tensor)

    def graphs(self) -> Iterator[bytes]:
        """``[1, 1, 80, frames]`` → ``[1, 256, 10, frames / 8]``: convolutions, sums and rectifiers, part by part."""
        begin, shape = "/resnet/Unsqueeze_output_0", (1, 1, FILTERS)
        g = GraphBuilder()
        known = {begin: g.input(begin, "float32", *shape, "frames")}
        for node in self._nodes:
            operator = node.OpType().decode()
            inputs = [node.Inputs(at).decode().removesuffix("_add_tensor") for at in range(node.InputsLength())]
            output = node.Outputs(0).decode()
            if operator not in ("Conv", "Relu", "Add") or inputs[0] not in known:
                continue
            for name in inputs:
                if name not in known:
                    known[name] = g.constant(name, self.tensors[name])
            g.node(operator, [known[name] for name in inputs], [output], **_geometry(node))
            known[output] = output
            if output in _PARTS:
                shape = _PARTS[output]
                g.output(output, "float32", *shape, "pooled")
                yield g.model()
                g = GraphBuilder()
                known = {output: g.input(output, "float32", *shape, "frames")}


def speaker_models_installed() -> bool:
    """Whether the library is there that carries them; it is not read."""
    library = _library()
    return library is not None and library.is_file()


def _library() -> Path | None:
    spec = importlib.util.find_spec("moonshine_voice")  # found, not imported
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / _LIBRARY


def embedded_model(name: str) -> bytes:
    """A model in the wheel's library, as bytes. Raises ``EngineNotReady``."""
    path = _library()
    if path is None:
        raise EngineNotReady("the package moonshine-voice, which carries the speaker models, is not installed")
    try:
        library = ctypes.CDLL(str(path))
        size = ctypes.c_size_t.in_dll(library, f"{_NAMESPACE}{len(name) + 5}{name}_sizeE").value
        return bytes((ctypes.c_ubyte * size).in_dll(library, f"{_NAMESPACE}{len(name)}{name}E"))
    except (OSError, ValueError) as error:
        raise EngineNotReady(
            "the speaker models cannot be read from this build of the package moonshine-voice, so speakers cannot be "
            f"told apart here; Linux builds of its version 0.0.73 carry them ({error})"
        ) from error


def _geometry(node: Any) -> dict[str, Any]:
    """The attributes of a convolution that are lists: strides, padding, size; the others are as always."""
    attributes = map(node.Attributes, range(node.AttributesLength()))
    return {each.Name().decode(): each.IntsAsNumpy().tolist() for each in attributes if each.IntsLength()}


def _values(tensor: Any) -> Floats:
    shape = [tensor.Dims(at) for at in range(tensor.DimsLength())]
    values: Floats = tensor.RawDataAsNumpy().view(_TYPES[tensor.DataType()]).reshape(shape)
    return values


def _session(model: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
