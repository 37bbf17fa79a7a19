"""What is found: a type and the words it covers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PiiType(StrEnum):
    """Personally identifiable information, by the names of Amazon Transcribe."""

    ADDRESS = "ADDRESS"
    BANK_ACCOUNT_NUMBER = "BANK_ACCOUNT_NUMBER"
    BANK_ROUTING = "BANK_ROUTING"
    CREDIT_DEBIT_CVV = "CREDIT_DEBIT_CVV"
    CREDIT_DEBIT_EXPIRY = "CREDIT_DEBIT_EXPIRY"
    CREDIT_DEBIT_NUMBER = "CREDIT_DEBIT_NUMBER"
    EMAIL = "EMAIL"
    NAME = "NAME"
    PHONE = "PHONE"
    PIN = "PIN"
    SSN = "SSN"


@dataclass(frozen=True, slots=True)
class Entity:
    """``words[start_word:stop_word]`` is personal data. ``confidence``, 0 to 1, is that of the rule which found it."""

    start_word: int
    stop_word: int
    type: PiiType
    confidence: float
