"""What an engine can do. Ask the capability, never the class."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``languages`` are ISO 639-1 codes; where none is named, the first is spoken. ``model`` and ``version`` are what
    the dialects show to clients.
    """

    model: str
    version: str
    languages: tuple[str, ...]
    phrases: bool = False
    """Whether phrases of the vocabulary are preferred."""
    max_segment_ms: int = 15_000
    """The longest stretch of audio the engine takes in one call."""
    identifies: tuple[str, ...] = ()
    """The languages, ISO 639-1, that can be told apart; none where no model for that is installed."""
    diarizes: bool = False
    """Whether speakers can be told apart."""
    draft_batch: int = 1
    """How many live utterances one call of ``draft`` is best given."""
    others: tuple[Capabilities, ...] = ()
    """Of further models, each with the languages that it recognises; ``languages`` has those too."""

    def in_language(self, language: str | None) -> Capabilities:
        """Of the model that recognises this language; without one, or if there is none, of the first."""
        return next((each for each in self.models if language in each.languages), self.models[0])

    @property
    def models(self) -> tuple[Capabilities, ...]:
        """Each model by itself, the first one first."""
        taken = {language for other in self.others for language in other.languages}
        own = tuple(language for language in self.languages if language not in taken)
        return (replace(self, languages=own, others=()), *self.others)
