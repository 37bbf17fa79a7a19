"""What numbers are announced by: "routing number", "last four of", "order number"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from dragoman.analysis.pii.heard import HeardWord, listed


class Announced(Enum):
    CARD = auto()
    CVV = auto()
    EXPIRY = auto()
    SSN = auto()
    ROUTING = auto()
    ACCOUNT = auto()
    PIN = auto()
    PHONE = auto()
    NUMBER = auto()
    """Some number of a person's: that of a telephone, by its length."""
    CODE = auto()
    """Some code: that of a card, once a card has been spoken of."""
    ZIP = auto()
    LAST_DIGITS = auto()
    OTHER = auto()
    """Nobody's personal data, as an order's number."""


@dataclass(frozen=True, slots=True)
class Cue:
    start: int
    stop: int
    kind: Announced


_PHRASES: Final = {
    Announced.CARD: """
        card / cc / visa / mastercard / amex / american express / discover card / debit card / credit card / card number
        long number / number on the front / credit card number / debit card number""",
    Announced.CVV: """
        cvv / cvc / cvv2 / csc / c v v / c v c / cvv number / cvv code / security code / security number / card code
        security digits / code on the back / code on the front / code on the card / number on the back
        digits on the back / digits on the front / digits on back / back of the card / back of my card
        verification code on the card / card verification code / card verification value / card security code
        three digit code / four digit code""",
    Announced.EXPIRY: """
        expiry / expiration / expires / expire / expired / expiring / exp / exp date / expiry date / expiration date
        valid through / valid thru / valid until / valid till / good through / good thru / good until / valid to""",
    Announced.SSN: """
        social / ssn / s s n / social security / social security number / social number / socials""",
    Announced.ROUTING: """
        routing / routing number / aba / aba number / a b a / sort code / sorting code / bsb / b s b / bsb number
        transit number / routing transit number / bank code""",
    Announced.ACCOUNT: """
        account / account number / bank account / bank account number / checking / savings / checking account
        savings account / current account / iban / acct""",
    Announced.PIN: """
        pin / p i n / pin number / pin code / personal identification number / pincode""",
    Announced.PHONE: """
        phone / telephone / cell / cellphone / mobile / landline / fax / pager / area code / callback number / hotline
        contact number / call back number / reach me / reach us / reach him / reach her / reach them / call me / call us
        call him / call her / call them / call back / callback / text / text me / ring / ring me / dial / registered
        phone number / cell number / mobile number / telephone number / fax number / home number / work number
        office number / switchboard / customer line / direct line / helpline / voicemail / whatsapp / call me back
        helpdesk / message at / message on / give me a call / get me at / get me on""",
    Announced.NUMBER: "call / calls / called / sms / text message / messages",
    Announced.ZIP: "zip / zip code / zipcode / postcode / postal code / post code",
    Announced.LAST_DIGITS: """
        last four / last 4 / last four digits / last 4 digits / final four / ending in / ends in / ending with
        ends with / ending / end in / end with / last digits / ended in""",
    Announced.OTHER: """
        order / confirmation / reference / tracking / ticket / case / invoice / flight / room / seat / item / serial
        model / claim / policy / member / membership / loyalty / student / employee / extension / meter / version
        chapter / verse / plate / license / licence / passport / date of birth / birthday / born / year / bus / train
        channel / part / lottery / score / docket / badge / barcode / sku / purchase order / booking / reservation
        transaction / check number / cheque number / parcel / shipment / gate / voucher / coupon / customer number
        customer id / password / passcode / prescription / rx / locker / batch / lot number / vin / vehicle
        registration / dob / d o b / total / balance / price / amount / cost / population""",
}
_NEUTRAL_BEFORE: Final = listed(
    "my your the his her our their a best good new old same right correct that this direct full whole another other "
    "only any different current and is alternate alternative emergency main"
)
_NUMBERS: Final = frozenset(("number", "numbers"))
_CODES: Final = frozenset(("code", "id"))


def _by_first_word() -> dict[str, list[tuple[tuple[str, ...], Announced]]]:
    table: dict[str, list[tuple[tuple[str, ...], Announced]]] = defaultdict(list)
    for kind, phrases in _PHRASES.items():
        for phrase in phrases.replace("\n", "/").split("/"):
            if words := tuple(phrase.split()):
                table[words[0]].append((words, kind))
    for entries in table.values():
        entries.sort(key=lambda entry: -len(entry[0]))
    return dict(table)


_TABLE: Final = _by_first_word()


def cues(words: Sequence[HeardWord]) -> list[Cue]:
    """All of them, in order, none inside another."""
    found: list[Cue] = []
    at = 0
    while at < len(words):
        cue = _listed(words, at) or _by_noun(words, at)
        if cue is None:
            at += 1
        else:
            found.append(cue)
            at = cue.stop
    return found


def _listed(words: Sequence[HeardWord], at: int) -> Cue | None:
    for phrase, kind in _TABLE.get(words[at].lower, ()):
        stop = at + len(phrase)
        if stop <= len(words) and all(words[at + i].lower == word for i, word in enumerate(phrase)):
            return Cue(at, stop, kind)
    return None


def _by_noun(words: Sequence[HeardWord], at: int) -> Cue | None:
    """ "number" and "code" are what the word before makes of them: "my number", "part number", "my wife's number"."""
    word = words[at].lower
    if word not in _NUMBERS and word not in _CODES:
        return None
    before = words[at - 1] if at else None
    if before is None or before.has_pause or before.is_possessive or before.lower in _NEUTRAL_BEFORE:
        return Cue(at, at + 1, Announced.NUMBER if word in _NUMBERS else Announced.CODE)
    if _TABLE.get(before.lower) and not any(kind is Announced.OTHER for _, kind in _TABLE[before.lower]):
        return None  # "visa number": the word before says it all
    return Cue(at, at + 1, Announced.OTHER)
