"""Whether a customer's text asks us to send no more."""

from __future__ import annotations

import re
import unicodedata

_STOP_WORDS = frozenset({"SAIR", "PARAR", "PARE", "CANCELAR", "STOP"})
#: Among other words `CANCELAR` is more likely about the contract.
_AMONG_OTHERS = _STOP_WORDS - {"CANCELAR"}
#: What sets a word apart from the others of its line.
_SIGNS = re.compile(r"[.,;:!]|\s[-\u2013\u2014]\s")
#: What stands between the letters where a gateway hands UCS-2 on as it is.
_UNREAD = "\ufffd"
#: What stands on a letter, and what nobody sees (zero-width spaces, soft hyphens).
_NO_SIGNS = frozenset({"Mn", "Mc", "Me", "Cf"})
_LONGEST = 100  # of a line that can still be one word with blanks and signs around it


def asks_to_stop(text: str) -> bool:
    """Tell whether a text is one of the words, in any case, with any accents, blanks and signs.

    So are `S A I R` and `S.A.I.R.`. Or it has one in capitals that stands alone between signs, as in
    `nao quero mais, SAIR`, and asks nothing: whoever loses the texts of their invoices by a mistake of ours
    pays late. What stands on the lines below is a signature, or the text that is answered.
    """
    lines = text.replace(_UNREAD, "").splitlines()
    line = next((line.strip() for line in lines if any(map(str.isalnum, line))), "")
    if len(line) > _LONGEST:
        return False
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", line) if unicodedata.category(char) not in _NO_SIGNS
    )
    if "".join(filter(str.isalnum, plain)).upper() in _STOP_WORDS:
        return True
    return "?" not in plain and any(_bare(part) in _AMONG_OTHERS for part in _SIGNS.split(plain))


def _bare(text: str) -> str:
    """Give a text without the blanks and signs around it."""
    begin, end = 0, len(text)
    while begin < end and not text[begin].isalnum():
        begin += 1
    while end > begin and not text[end - 1].isalnum():
        end -= 1
    return text[begin:end]
