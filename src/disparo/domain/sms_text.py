"""SMS text: GSM-7 without surprises, and how many segments a text takes.

Sources: 3GPP TS 23.038 §6.2.1 (the alphabet), docs/field-facts.md §2 (what Brazilian platforms make of it).
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

#: The basic alphabet. The extension table is left out on purpose: carriers here do not support it.
GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("^{}\\[~]|€\f")
_GSM = GSM_BASIC | _GSM_EXTENSION
_LAST_OF_LATIN1, _LAST_OF_UCS2 = "\xff", "\uffff"
#: Signs of addresses that carriers may lose, and one that GSM-7 lacks; %7E says what ~ does (RFC 3986 §2).
_IN_ADDRESSES = str.maketrans({sign: f"%{ord(sign):02X}" for sign in "^{}[~]|`"})
_ANY_OF_THEM = re.compile(r"[\^{}\[~\]|`]")
_HOST = re.compile(r"[^/]*//[^/?#]*")

#: What decomposition alone gets wrong or leaves over.
_OVERRIDES = {
    "º": "o", "ª": "a", "°": "o", "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-",
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "´": "'", "`": "'",
    "…": "...", "€": "EUR", "•": "-", "·": "-", "×": "x", "÷": "/", "™": "", "®": "", "©": "",
    "[": "(", "]": ")", "{": "(", "}": ")", "|": "/", "\\": "/", "~": "-", "^": "",
    "\t": " ", "\f": " ", "\r": "",
    "Ø": "O", "ø": "o", "Æ": "Ae", "æ": "ae", "Œ": "Oe", "œ": "oe", "Ł": "L", "ł": "l", "Đ": "D", "đ": "d",
    "Ð": "D", "ð": "d", "Þ": "Th", "þ": "th", "ı": "i",
}  # fmt: skip
#: Brazilian carriers pass these, but they look out of place beside letters that lose their accent.
_KEPT_OUT = frozenset("èùìòØøÅåÆæÄÖÑäöñ¤¡¿àéÉÇüÜ")


Alphabet = Literal["gsm7", "ascii", "latin1"]


class Encoding(StrEnum):
    """How a text goes over the air."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class SegmentProfile:
    """How a platform counts and cuts; the defaults are the standard's, in characters.

    `alphabet`: what does not fit it goes in UCS-2.
    """

    single: int = 160
    part: int = 153
    ucs2_single: int = 70
    ucs2_part: int = 67
    max_parts: int = 3
    cuts_at_spaces: bool = False  # no word longer than a part can be sent through it
    alphabet: Alphabet = "gsm7"

    def at_most(self, parts: int) -> SegmentProfile:
        """Give the same profile for texts of no more parts than so many."""
        return replace(self, max_parts=min(self.max_parts, parts))


def to_gsm_basic(text: str) -> str:
    """Give the text in ASCII letters and GSM-7 basic signs: one accent would double the price.

    Digits and ASCII letters stay as they are; what has no equivalent is left out.
    """
    return text if text.isascii() and _plain(text) else "".join(map(_letter, text))


def link_for_sms(link: str) -> str:
    """Give the same address without signs of the extension table: where one gets lost it leads nowhere."""
    if _ANY_OF_THEM.search(link) is None:
        return link
    host = _HOST.match(link)
    end = host.end() if host else 0
    return link[:end] + link[end:].translate(_IN_ADDRESSES)


def encoding_of(text: str) -> Encoding:
    """Tell whether a text fits GSM-7 (with the extension table) or needs UCS-2."""
    return Encoding.GSM7 if _is_gsm(text) else Encoding.UCS2


def not_passed_on(text: str) -> list[str]:
    """Give the signs of the extension table in a text that goes as GSM-7, each once, as they come."""
    found = dict.fromkeys(text) if encoding_of(text) is Encoding.GSM7 else ()
    return [char for char in found if char in _GSM_EXTENSION]


def letters_of_one(text: str, profile: SegmentProfile) -> int:
    """Give how many letters one SMS holds of a text, as a platform of this profile sends it."""
    return _room(text, profile)[0]


def count_segments(text: str, profile: SegmentProfile) -> int:
    """Count the SMS a text is billed as under a platform's profile; 1 for the empty text."""
    single, part, wide = _room(text, profile)
    if _length(text, wide) <= single:
        return 1
    if profile.cuts_at_spaces:
        return _parts_at_spaces(text, part, wide)
    return _parts_untorn(text, part, wide) if wide else math.ceil(len(text) / part)


def is_cut(text: str, code: str, profile: SegmentProfile) -> bool:
    """Tell whether a payment code inside a text would be torn by a platform that cuts between words.

    One with blanks may be cut at them, and of two such platforms make one.
    """
    if not profile.cuts_at_spaces or code not in text:
        return False
    _, part, wide = _room(text, profile)
    if _length(code, wide) > part or "  " in code:
        return True
    return " " in code and count_segments(text, profile) > 1


def _room(text: str, profile: SegmentProfile) -> tuple[int, int, frozenset[str]]:
    """Give what fits one SMS, and each of several; and which characters take the room of two, never torn."""
    wide: frozenset[str] = frozenset()
    if profile.alphabet != "gsm7":
        fits = text.isascii() if profile.alphabet == "ascii" else max(text, default="") <= _LAST_OF_LATIN1
    elif GSM_BASIC.issuperset(text):
        fits = True
    else:
        fits, wide = _is_gsm(text), _GSM_EXTENSION.intersection(text)
    if fits:
        return profile.single, profile.part, wide
    wide = frozenset(char for char in text if char > _LAST_OF_UCS2)
    return profile.ucs2_single, profile.ucs2_part, wide


def _length(text: str, wide: frozenset[str]) -> int:
    return len(text) + (sum(map(wide.__contains__, text)) if wide else 0)


def _is_gsm(text: str) -> bool:
    return _GSM.issuperset(text)


def _plain(text: str) -> bool:
    return _OVERRIDES.keys().isdisjoint(text) and text.replace("\n", "").isprintable()


def _letter(char: str) -> str:
    replaced = _OVERRIDES.get(char)
    if replaced is not None:
        return replaced
    if char in GSM_BASIC and char not in _KEPT_OUT:
        return char
    if char.isspace():
        return " "
    if char.isdigit() or char.isnumeric():
        return ""  # a foreign digit must not turn into one of ours: it could alter an amount or a code
    return "".join(
        part for part in unicodedata.normalize("NFKD", char) if part in GSM_BASIC and part.isascii()
    )


def _parts_untorn(text: str, part: int, wide: frozenset[str]) -> int:
    parts, used = 1, 0
    for char in text:
        room = 2 if char in wide else 1
        if used + room > part:
            parts, used = parts + 1, 0
        used += room
    return parts


def _parts_at_spaces(text: str, part: int, wide: frozenset[str]) -> int:
    parts, used = 1, 0
    for word in text.split(" "):
        length = _length(word, wide)
        if used and used + 1 + length > part:
            parts, used = parts + 1, 0
        used += length + (1 if used else 0)
        while used > part:  # longer than a part: cut all the same
            parts, used = parts + 1, used - part
    return parts
