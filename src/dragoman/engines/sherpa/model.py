"""Which model lies in a folder: its kind, its files, its languages, and how it spells."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from dragoman.core.errors import EngineNotReady
from dragoman.engines.sherpa.folder import (
    Readers,
    check_metadata,
    find_part,
    find_text,
    number,
    numbers,
    read_part,
    read_tokens,
    reals,
    words,
)


class Kind(StrEnum):
    TRANSDUCER = "transducer"
    NEMO_TRANSDUCER = "nemo_transducer"
    STREAMING_TRANSDUCER = "streaming_transducer"
    SENSE_VOICE = "sense_voice"
    WHISPER = "whisper"


class Unit(StrEnum):
    """What phrases are spelt with, in the words of sherpa-onnx."""

    BPE = "bpe"
    CJKCHAR = "cjkchar"
    BOTH = "cjkchar+bpe"


_DECODER: Final[Readers] = {"vocab_size": number, "context_size": number}
_STREAMING: Final[Mapping[str, Readers]] = {
    "zipformer2": {
        "encoder_dims": numbers,
        "query_head_dims": numbers,
        "value_head_dims": numbers,
        "num_heads": numbers,
        "num_encoder_layers": numbers,
        "cnn_module_kernels": numbers,
        "left_context_len": numbers,
    },
    "zipformer": {
        "encoder_dims": numbers,
        "attention_dims": numbers,
        "num_encoder_layers": numbers,
        "cnn_module_kernels": numbers,
        "left_context_len": numbers,
    },
    "conformer": {
        "num_encoder_layers": number,
        "left_context": number,
        "encoder_dim": number,
        "pad_length": number,
        "cnn_module_kernel": number,
    },
    "lstm": {"num_encoder_layers": number, "rnn_hidden_size": number, "d_model": number},
}
_CHUNKS: Final[Readers] = {"T": number, "decode_chunk_len": number}
_NEMO: Final[Readers] = {
    "vocab_size": number,
    "subsampling_factor": number,
    "pred_rnn_layers": number,
    "pred_hidden": number,
}
_NEMO_OPTIONAL: Final[Readers] = {"feat_dim": number, "is_giga_am": number}
_NEMO_NORMALIZED: Final = ("", "NA", "per_feature")
_SENSE_VOICE: Final[Readers] = {
    **dict.fromkeys(("vocab_size", "lfr_window_size", "lfr_window_shift", "normalize_samples"), number),
    **dict.fromkeys(("with_itn", "without_itn", "lang_auto", "lang_zh", "lang_en", "lang_ja", "lang_ko"), number),
    "lang_yue": number,
    "neg_mean": reals,
    "inv_stddev": reals,
}
_SENSE_VOICE_FEATURES: Final = 80
_WHISPER: Final[Readers] = {
    **dict.fromkeys(("n_mels", "n_text_layer", "n_text_ctx", "n_text_state", "n_vocab", "sot", "eot"), number),
    **dict.fromkeys(("blank_id", "translate", "transcribe", "is_multilingual", "no_timestamps", "no_speech"), number),
    "sot_sequence": numbers,
}
_WHISPER_LANGUAGES: Final[Readers] = {"all_language_tokens": numbers, "all_language_codes": words}
_SENSE_VOICE_LANGUAGES: Final = ("en", "zh", "ja", "ko")
"""Cantonese, which it knows too, has no code in ISO 639-1."""
_WHISPER_CODES: Final = {"jw": "jv"}
"""Whisper → ISO 639-1, where they differ."""
_BYTES_FROM: Final = "\u0100"
_BYTES_TO: Final = "\u024f"
_KNOWN: Final = ", ".join(Kind)


@dataclass(frozen=True, slots=True)
class SherpaModel:
    """``files`` are those of its parts: encoder, decoder and joiner, or model."""

    folder: Path
    kind: Kind
    files: Mapping[str, Path]
    tokens: Path
    letters: frozenset[str] = frozenset()
    """Those that are a token of their own, so that whatever consists of them can be spelt."""
    languages: tuple[str, ...] = ()
    """ISO 639-1; none where the files do not say it."""
    unit: Unit | None = None
    """``None`` where phrases cannot be spelt with what is in the folder."""
    pieces: Path | None = None
    """``bpe.vocab`` or ``bpe.model``."""
    type: str = ""
    """Of a streaming transducer: the kind of its encoder."""
    flush_frames: int = 0
    """Of a streaming transducer: so many frames of 10 ms of silence bring out all that was said before them."""

    @property
    def is_streaming(self) -> bool:
        return self.kind is Kind.STREAMING_TRANSDUCER

    @property
    def is_transducer(self) -> bool:
        return self.kind in (Kind.TRANSDUCER, Kind.NEMO_TRANSDUCER, Kind.STREAMING_TRANSDUCER)


def describe(folder: Path, *, int8: bool) -> SherpaModel:
    """The model in a folder. Everything is looked at on which sherpa-onnx would end the process. Raises
    ``EngineNotReady`` with what to do.
    """
    if (encoder := find_part(folder, "encoder", int8=int8)) is None:
        if (model := find_part(folder, "model", int8=int8)) is None:
            raise _incomplete(folder, "encoder.onnx, decoder.onnx and joiner.onnx, or model.onnx")
        return _sense_voice(folder, model)
    found = read_part(encoder).metadata
    if found.get("model_type", "").startswith("whisper"):
        return _whisper(folder, encoder, found, int8)
    files = {"encoder": encoder, "decoder": _part(folder, "decoder", int8), "joiner": _part(folder, "joiner", int8)}
    return _transducer(folder, files, found)


def _transducer(folder: Path, files: Mapping[str, Path], found: Mapping[str, str]) -> SherpaModel:
    decoder, joiner = read_part(files["decoder"]).metadata, read_part(files["joiner"])
    type_ = found.get("model_type", "")
    tokens_file = _text(folder, "tokens.txt")
    tokens = read_tokens(tokens_file)
    kind, flush_frames = Kind.TRANSDUCER, 0
    if "pred_rnn_layers" in found or type_.startswith("EncDec"):
        kind = Kind.NEMO_TRANSDUCER
        check_metadata(files["encoder"], found, _NEMO, _NEMO_OPTIONAL)
        if (method := found.get("normalize_type", "")) not in _NEMO_NORMALIZED:
            raise EngineNotReady(f"{files['encoder']} wants features normalised {method!r}, which sherpa-onnx cannot")
        size = number(found["vocab_size"]) + 1
        if len(tokens) != size or tokens.get(size - 1) != "<blk>":
            raise _strange_tokens(tokens_file, f"it has to have {size} tokens and <blk> last")
    else:
        check_metadata(files["decoder"], decoder, _DECODER)
        if "decode_chunk_len" in found or "T" in found:
            if type_ not in _STREAMING:
                raise _unknown(files["encoder"], type_)
            kind = Kind.STREAMING_TRANSDUCER
            check_metadata(files["encoder"], found, {**_CHUNKS, **_STREAMING[type_]})
            flush_frames = number(found["T"]) + number(found["decode_chunk_len"])
        size = number(decoder["vocab_size"])
        _check_size(tokens_file, tokens, size)
    # A transducer of tokens and durations decides on both at once.
    decided = next(iter(joiner.last_sizes), None)
    if decided is not None and (decided < size if "tdt" in found.get("url", "") else decided != size):
        raise EngineNotReady(f"{files['joiner']} belongs to another model, put the right one there")
    letters = frozenset(letter for token in tokens.values() if len(letter := token.removeprefix("▁")) == 1)
    pieces = find_text(folder, "bpe.vocab") or find_text(folder, "bpe.model")
    return SherpaModel(
        folder,
        kind,
        files,
        tokens_file,
        letters,
        unit=_unit(letters, pieces),
        pieces=pieces,
        type=type_,
        flush_frames=flush_frames,
    )


def _sense_voice(folder: Path, file: Path) -> SherpaModel:
    found = read_part(file).metadata
    if "lfr_window_size" not in found or "with_itn" not in found:
        raise _unknown(file, found.get("model_type", ""))
    check_metadata(file, found, _SENSE_VOICE, {"blank_id": number})
    size = number(found["lfr_window_size"]) * _SENSE_VOICE_FEATURES
    if any(len(reals(found[name])) != size for name in ("neg_mean", "inv_stddev")):
        raise EngineNotReady(f"{file} has not {size} means of its features in its metadata, put the model there again")
    tokens_file = _text(folder, "tokens.txt")
    tokens = read_tokens(tokens_file)
    _check_size(tokens_file, tokens, number(found["vocab_size"]))
    return SherpaModel(folder, Kind.SENSE_VOICE, {"model": file}, tokens_file, languages=_SENSE_VOICE_LANGUAGES)


def _whisper(folder: Path, encoder: Path, found: Mapping[str, str], int8: bool) -> SherpaModel:
    decoder = _part(folder, "decoder", int8)
    read_part(decoder)
    check_metadata(encoder, found, _WHISPER)
    languages: tuple[str, ...] = ("en",)
    if number(found["is_multilingual"]):
        check_metadata(encoder, found, _WHISPER_LANGUAGES)
        codes = words(found["all_language_codes"])
        if len(codes) != len(numbers(found["all_language_tokens"])):
            raise EngineNotReady(f"{encoder} does not name its languages rightly, put the model there again")
        known = [_WHISPER_CODES.get(code, code) for code in codes]
        languages = tuple(sorted((code for code in known if len(code) == 2), key=lambda code: code != "en"))
    tokens_file = _text(folder, "tokens.txt")
    _check_size(tokens_file, read_tokens(tokens_file), number(found["eot"]))
    return SherpaModel(folder, Kind.WHISPER, {"encoder": encoder, "decoder": decoder}, tokens_file, languages=languages)


def whisper_code(language: str) -> str:
    return next((code for code, iso in _WHISPER_CODES.items() if iso == language), language)


def _unit(letters: frozenset[str], pieces: Path | None) -> Unit | None:
    """Models whose letters stand for bytes, all of them Latin ones with a sign on them, cannot spell."""
    has_cjk = any(unicodedata.name(letter, "").startswith(("CJK", "HIRAGANA", "KATAKANA")) for letter in letters)
    if pieces is None or not letters - {"▁"}:
        return Unit.CJKCHAR if has_cjk else None
    if all(_BYTES_FROM <= letter <= _BYTES_TO for letter in letters - {"▁"}):
        return None
    return Unit.BOTH if has_cjk else Unit.BPE


def _part(folder: Path, part: str, int8: bool) -> Path:
    if (found := find_part(folder, part, int8=int8)) is None:
        raise _incomplete(folder, f"{part}.onnx")
    return found


def _text(folder: Path, name: str) -> Path:
    if (found := find_text(folder, name)) is None:
        raise _incomplete(folder, name)
    return found


def _check_size(file: Path, tokens: Mapping[int, str], size: int) -> None:
    """Some lists name a few tokens more than the model says."""
    missing = next((identity for identity in range(size) if identity not in tokens), None)
    if missing is not None:
        raise _strange_tokens(file, f"the model says {size} tokens, and number {missing} is not there")


def _incomplete(folder: Path, names: str) -> EngineNotReady:
    return EngineNotReady(f"the model in {folder} is not complete, put there: {names}")


def _strange_tokens(file: Path, problem: str) -> EngineNotReady:
    return EngineNotReady(f"{file} belongs to another model, put the right one there: {problem}")


def _unknown(file: Path, type_: str) -> EngineNotReady:
    says = f"a model of the type {type_!r}" if type_ else "a model without a type in its metadata"
    return EngineNotReady(f"{file} is {says}, and none of the kinds that can be used: {_KNOWN}")
