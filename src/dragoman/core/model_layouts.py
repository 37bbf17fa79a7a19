"""Which files make up a model whose kind can be told by them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from dragoman.core.models import ModelEngine


@dataclass(frozen=True, slots=True)
class Layout:
    """``signs``: files that no other kind has."""

    engine: ModelEngine
    kind: str
    signs: tuple[str, ...]
    files: tuple[str, ...]
    either: tuple[tuple[str, ...], ...] = ((),)
    """Of these groups of files one is needed, the first before the others."""
    named: re.Pattern[str] | None = None
    """How its publisher names folders of it, with the language as its group."""

    def is_meant(self, names: Collection[str]) -> bool:
        """Whether a folder with these files is for such a model, complete or not."""
        return any(sign in names for sign in self.signs)

    def missing(self, names: Collection[str]) -> list[str]:
        return [name for name in self._needed(names) if name not in names]

    def of(self, names: Collection[str]) -> list[str]:
        """Those that belong to the model."""
        return [name for name in (*self._needed(names), "LICENSE") if name in names]

    def language(self, folders: Collection[str]) -> str | None:
        """ISO 639-1, from the names of the folders that lead to the model."""
        found = [match[1] for name in folders if self.named and (match := self.named.fullmatch(name))]
        return found[-1] if found else None

    def _needed(self, names: Collection[str]) -> tuple[str, ...]:
        nearest = min(self.either, key=lambda group: sum(-1 if name in names else 1 for name in group))
        return *self.files, *nearest


_NAMED: Final = re.compile(r"(?:.*-)?(?:tiny|base|small|medium)(?:-streaming)?-([a-z]{2})(?:-.*)?")

MOONSHINE: Final = Layout(
    ModelEngine.MOONSHINE,
    "",
    ("encoder_model.ort", "decoder_model_merged.ort"),
    ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"),
    named=_NAMED,
)
MOONSHINE_STREAMING: Final = Layout(
    ModelEngine.MOONSHINE,
    "streaming",
    ("streaming_config.json", "cross_kv.ort", "decoder_kv.ort"),
    ("streaming_config.json", "encoder.ort", "adapter.ort", "cross_kv.ort", "decoder_kv.ort", "tokenizer.bin"),
    (("frontend.ort",), ("frontend.model.ort", "frontend.weights.ort")),
    _NAMED,
)
LAYOUTS: Final = (MOONSHINE_STREAMING, MOONSHINE)
