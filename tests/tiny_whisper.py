"""A Whisper model that is made on the spot: the real format with the real vocabulary's layout, and random weights.

It hears nothing, but what it says depends on all of the audio, it is sure of it, and it comes to an end. For that a few
weights are larger than chance would have them: words are far apart, and the end grows likelier with the position.
"""

from __future__ import annotations

import atexit
import itertools
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from dragoman.engines.whisper.network import Resources, WhisperNetwork

WORDS: Final = 400
"""So many entries of the vocabulary are ever said."""
MULTILINGUAL: Final = 51_865
ENGLISH: Final = 51_864
_WIDTH: Final = 32
_HIDDEN: Final = 64
_CONTEXT: Final = 448
_FRAMES: Final = 1_500
LANGUAGES: Final = ("en", "zh", "de", "es", "fr", "ja", "cs", "haw", "jw")


@cache
def tiny_folder(*, multilingual: bool = True) -> Path:
    """Made once, and removed at the end. Skips the test where the extra is not installed."""
    pytest.importorskip("faster_whisper", reason="the extra whisper is not installed: pip install 'dragoman[whisper]'")
    directory = tempfile.TemporaryDirectory(prefix="whisper-")
    atexit.register(directory.cleanup)
    return save_tiny_whisper(Path(directory.name, "tiny"), multilingual=multilingual)


def tiny_network(*, multilingual: bool = True, idle_s: float | None = None) -> WhisperNetwork:
    return WhisperNetwork(tiny_folder(multilingual=multilingual), Resources(idle_s=idle_s))


def save_tiny_whisper(folder: Path, *, multilingual: bool = True, sure: bool = True, ends: bool = True) -> Path:
    """The folder, with all files of a converted model in it. ``sure`` of what it says, ``ends``: it comes to an end."""
    from ctranslate2.specs import whisper_spec

    size = MULTILINGUAL if multilingual else ENGLISH
    ordinary, special = _vocabulary(size)
    tokens = [*ordinary, *special]
    spec = whisper_spec.WhisperSpec(1, 2, 1, 2)
    _fill(spec, np.random.default_rng(0), size, len(ordinary))
    if not sure:
        spec.decoder.projection.weight *= np.float32(0.02)
    if not ends:
        spec.decoder.projection.weight[len(ordinary)] = -1.0
    spec.config.suppress_ids = list(range(len(ordinary) + 1, size))
    spec.config.suppress_ids_begin = [ordinary.index("Ġ"), len(ordinary)]
    spec.config.lang_ids = [at for at, token in enumerate(tokens) if token[2:-2] in LANGUAGES]
    spec.config.alignment_heads = [(0, 0), (0, 1)]
    spec.register_vocabulary(tokens)
    spec.validate()
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    _save_tokenizer(folder / "tokenizer.json", ordinary, special)
    return folder


def _vocabulary(size: int) -> tuple[list[str], list[str]]:
    """Ordinary tokens and special ones, in the places where the real vocabularies have them."""
    from tokenizers import pre_tokenizers

    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    names = ["endoftext", "startoftranscript", *LANGUAGES, *tasks]
    special = [*(f"<|{name}|>" for name in names), *(f"<|{step * 0.02:.2f}|>" for step in range(1_501))]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    syllables = [first + second for first, second in itertools.product("bdfgklmnprstvz", "aeiou")]
    invented = (f"Ġ{''.join(word)}" for word in itertools.product(syllables, repeat=3))
    invented = itertools.islice(invented, 0, None, 6)  # of every initial
    ordinary = [*letters, *itertools.islice(invented, size - len(special) - len(letters))]
    if size == MULTILINGUAL:
        ordinary[-1] = ""  # by this CTranslate2 knows such a vocabulary
    return ordinary, special


def _save_tokenizer(path: Path, ordinary: list[str], special: list[str]) -> None:
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers

    made = tokenizers.Tokenizer(models.BPE({token: at for at, token in enumerate(ordinary)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(special)
    made.save(str(path))


def _fill(spec: Any, random: np.random.Generator, size: int, end: int) -> None:
    def draw(*shape: int, scale: float = 0.3) -> np.ndarray:
        return (scale * random.standard_normal(shape)).astype(np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(_WIDTH, np.float32), np.zeros(_WIDTH, np.float32)

    def linear(layer: Any, wide: int, narrow: int, scale: float = 0.3) -> None:
        layer.weight, layer.bias = draw(wide, narrow, scale=scale), np.zeros(wide, np.float32)

    def attention(layer: Any, scale: float = 0.3) -> None:
        norm(layer.layer_norm)
        shapes = ((3 * _WIDTH,), (_WIDTH,)) if len(layer.linear) == 2 else ((_WIDTH,), (2 * _WIDTH,), (_WIDTH,))
        for each, (wide,) in zip(layer.linear, shapes, strict=True):
            linear(each, wide, _WIDTH, scale)

    def feed_forward(layer: Any) -> None:
        norm(layer.layer_norm)
        linear(layer.linear_0, _HIDDEN, _WIDTH)
        linear(layer.linear_1, _WIDTH, _HIDDEN)

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = draw(_WIDTH, 80, 3), draw(_WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = draw(_WIDTH, _WIDTH, 3), draw(_WIDTH)
    encoder.position_encodings.encodings = draw(_FRAMES, _WIDTH)
    for layer in encoder.layer:
        attention(layer.self_attention)
        feed_forward(layer.ffn)
    norm(encoder.layer_norm)
    for layer in decoder.layer:
        attention(layer.self_attention)
        attention(layer.attention, scale=0.6)
        feed_forward(layer.ffn)
    norm(decoder.layer_norm)
    decoder.embeddings.weight = draw(size, _WIDTH, scale=1.0)
    decoder.position_encodings.encodings = draw(_CONTEXT, _WIDTH, scale=6.0)
    decoder.position_encodings.encodings[:, 0] = np.clip(5.0 * np.arange(_CONTEXT) - 120.0, -30.0, 60.0)
    decoder.projection.weight = np.zeros((size, _WIDTH), np.float32)
    spoken = random.permutation(np.arange(256, end - 1))[:WORDS]
    decoder.projection.weight[spoken, 1:] = draw(WORDS, _WIDTH - 1, scale=8.0)
    decoder.projection.weight[end, 0] = 40.0
    languages = slice(end + 2, end + 2 + len(LANGUAGES))
    decoder.projection.weight[languages] = draw(len(LANGUAGES), _WIDTH, scale=0.2)
