"""The code of a Pix that people copy and paste, and whether it is one that can be paid.

Source: Banco Central, Manual de Padrões para Iniciação do Pix: a BR Code after EMV, its last field the CRC.
"""

from __future__ import annotations

import binascii
import re

_CODE = re.compile(r"000201.+6304([0-9A-Fa-f]{4})", re.DOTALL)
_INITIAL = 0xFFFF


def is_pix_code(code: str) -> bool:
    """Check the beginning, and the CRC at the end.

    Of a code with accents programs count the CRC each their own way, and banks take them.
    """
    match = _CODE.fullmatch(code)
    if match is None:
        return False
    return not code.isascii() or binascii.crc_hqx(code[:-4].encode("ascii"), _INITIAL) == int(match[1], 16)
