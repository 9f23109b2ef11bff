"""The number of a company, with letters too since July 2026.

Source: Receita Federal, IN RFB 2.229/2024: each sign counts as its ASCII code less 48.
"""

from __future__ import annotations

import re

_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_LARGEST_WEIGHT = 9


def is_valid_cnpj(bare: str) -> bool:
    """Check the two digits at the end of the 14 signs, given without punctuation and in upper case."""
    return bool(_CNPJ.fullmatch(bare)) and all(_check(bare[:end]) == int(bare[end]) for end in (12, 13))


def _check(body: str) -> int:
    total = sum(
        (ord(sign) - ord("0")) * (2 + place % (_LARGEST_WEIGHT - 1))
        for place, sign in enumerate(reversed(body))
    )
    rest = total % 11
    return 0 if rest in (0, 1) else 11 - rest
