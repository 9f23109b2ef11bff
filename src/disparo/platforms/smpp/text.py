"""A text as octets of SMPP: the alphabet, and the parts of one that does not fit a single SMS.

Sources: 3GPP TS 23.038 §6.2.1 (GSM 7-bit, here one character to an octet, as SMPP wants it), SMPP 3.4 §5.2.19
(data_coding), 3GPP TS 23.040 §9.2.3.24.1 (the header that joins parts).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from disparo.domain.sms_text import Alphabet, Encoding, SegmentProfile, encoding_of

#: data_coding of each alphabet where the settings name no other, and of UCS-2.
CODING_OF: dict[Alphabet, int] = {"gsm7": 0x00, "ascii": 0x01, "latin1": 0x03}
UCS2 = 0x08
#: The same with a class of message in it (3GPP TS 23.038 §4), as some SMSCs hand on what a phone wrote.
_ALSO_UCS2 = frozenset({UCS2, 0x18, 0x19, 0x1A, 0x1B})
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_ESCAPE = 0x1B
#: In what is labelled ASCII, but of an SMSC that speaks GSM-7: then it is GSM-7 (node-smpp labels it so).
_CONTROL = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f]")
#: From characters to those whose number is the octet: what then is encoded as Latin-1 is GSM-7.
_TO_GSM = {ord(char): chr(code) for code, char in enumerate(_BASIC) if code != _ESCAPE} | {
    ord(char): chr(_ESCAPE) + chr(code) for code, char in _EXTENSION.items()
}


class Written(NamedTuple):
    """A text's parts in their order, each without its header; `data_coding` of all of them."""

    parts: tuple[bytes, ...]
    data_coding: int


def write(text: str, alphabet: Alphabet, data_coding: int, profile: SegmentProfile) -> Written:
    """Write a text in the platform's alphabet where that holds it, else in UCS-2; cut into parts."""
    octets = _in_alphabet(text, alphabet)
    if octets is None:
        octets, data_coding = text.encode("utf-16-be", "surrogatepass"), UCS2
        single, part = 2 * profile.ucs2_single, 2 * profile.ucs2_part
    else:
        single, part = profile.single, profile.part
    if len(octets) <= single:
        return Written((octets,), data_coding)
    is_gsm = alphabet == "gsm7" and data_coding != UCS2
    return Written(tuple(_cut(octets, part, wide=data_coding == UCS2, escapes=is_gsm)), data_coding)


def is_ucs2(data_coding: int) -> bool:
    """Tell whether an SMSC says of a text that it is UCS-2."""
    return data_coding in _ALSO_UCS2


def read(octets: bytes, data_coding: int, alphabet: Alphabet) -> str:
    """Read what a customer wrote; what cannot be read becomes marks."""
    if is_ucs2(data_coding):
        return octets.decode("utf-16-be", "replace")
    if data_coding == CODING_OF["latin1"] or (data_coding == 0 and alphabet != "gsm7"):
        return octets.decode("latin-1")
    if data_coding == CODING_OF["ascii"] and not (alphabet == "gsm7" and _CONTROL.search(octets)):
        return octets.decode("latin-1")  # what is not ASCII there is Latin-1: Sinch Brasil's is 1
    return _from_gsm(octets)


def join_header(reference: int, total: int, number: int) -> bytes:
    """Write the header of part `number`, from 1, of `total` under a reference of 0 to 255."""
    return bytes((0x05, 0x00, 0x03, reference, total, number))


def without_header(octets: bytes) -> bytes:
    """Give a text without the header that its part came with."""
    return octets[1 + octets[0] :] if octets else octets


def _in_alphabet(text: str, alphabet: Alphabet) -> bytes | None:
    if alphabet != "gsm7":
        try:
            return text.encode("ascii" if alphabet == "ascii" else "latin-1")
        except UnicodeEncodeError:
            return None
    if encoding_of(text) is not Encoding.GSM7:
        return None
    return text.translate(_TO_GSM).encode("latin-1")


def _cut(octets: bytes, part: int, *, wide: bool, escapes: bool) -> Iterator[bytes]:
    """Cut so that no character is torn: neither an escape from its sign nor half a pair from the other."""
    at = 0
    while at < len(octets):
        end = at + part
        if end < len(octets) and (
            (escapes and octets[end - 1] == _ESCAPE) or (wide and 0xD8 <= octets[end - 2] <= 0xDB)  # noqa: PLR2004 - first halves
        ):
            end -= 2 if wide else 1
        yield octets[at:end]
        at = end


def _from_gsm(octets: bytes) -> str:
    found, escaped = [], False
    for octet in octets:
        if escaped:
            found.append(_EXTENSION.get(octet, " " if octet == _ESCAPE else _BASIC[octet & 0x7F]))
        elif octet != _ESCAPE:
            found.append(_BASIC[octet] if octet < len(_BASIC) else "\ufffd")
        escaped = not escaped and octet == _ESCAPE
    return "".join(found)
