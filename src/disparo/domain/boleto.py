"""The linha digitável of a boleto, and whether it is one that can be paid.

Sources: FEBRABAN, layout of the boleto's 47 digits and of the arrecadação's 48.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_BANK, _UTILITY, _BARS = 47, 48, 44
_DIGITS = re.compile("[0-9]+")


def digits_only(line: str) -> str:
    """Give the digits of a line as people print it, with dots and blanks."""
    return "".join(_DIGITS.findall(line)) if line else ""


def is_valid_linha_digitavel(line: str) -> bool:
    """Check every check digit: of a bank's boleto (47 digits) or a utility's (48).

    A boleto's due date and amount are in no field of their own: only its general digit holds them.
    """
    digits = digits_only(line)
    if len(digits) == _BANK:
        fields = all(_mod10(body) == int(check) for body, check in _bank_fields(digits))
        return fields and _general(digits) == int(digits[32])
    if len(digits) == _UTILITY and digits[0] == "8":
        return line_of(barcode_of(digits) or "") == digits
    return False


def barcode_of(line: str) -> str | None:
    """Give the 44 digits that the same boleto has as bars; None for what is no line."""
    digits = digits_only(line)
    if len(digits) == _BANK:
        return digits[:4] + digits[32] + digits[33:] + digits[4:9] + digits[10:20] + digits[21:31]
    if len(digits) == _UTILITY:
        return "".join(digits[start : start + 11] for start in range(0, _UTILITY, 12))
    return None


def line_of(bars: str) -> str | None:
    """Give the line that people type for 44 digits of bars; None where their check digits do not hold."""
    if len(bars) != _BARS or not (bars.isascii() and bars.isdecimal()):
        return None
    if bars[0] == "8":
        check = _block_check(bars)
        line = "".join(
            block + str(check(block)) for block in (bars[at : at + 11] for at in range(0, _BARS, 11))
        )
        body = bars[:3] + bars[4:]
        return line if check(body) == int(bars[3]) else None
    fields = (bars[:4] + bars[19:24], bars[24:34], bars[34:])
    line = "".join(field + str(_mod10(field)) for field in fields) + bars[4:19]
    return line if is_valid_linha_digitavel(line) else None


def _block_check(digits: str) -> Callable[[str], int]:
    """Say which check a utility carries, by its third digit: 6 and 7 modulus 10, 8 and 9 modulus 11."""
    return _mod10 if digits[2] in "67" else _mod11


def _bank_fields(digits: str) -> list[tuple[str, str]]:
    return [(digits[:9], digits[9]), (digits[10:20], digits[20]), (digits[21:31], digits[31])]


def _general(digits: str) -> int:
    """Give the digit over all of the bars but itself; never 0."""
    bars = barcode_of(digits) or ""
    return _mod11(bars[:4] + bars[5:]) or 1


def _mod10(body: str) -> int:
    total = 0
    for place, char in enumerate(reversed(body)):
        product = int(char) * (2 if place % 2 == 0 else 1)
        total += product // 10 + product % 10
    return -total % 10


def _mod11(body: str) -> int:
    total = sum(int(char) * (2 + place % 8) for place, char in enumerate(reversed(body)))
    rest = total % 11
    return 0 if rest in (0, 1) else 11 - rest
