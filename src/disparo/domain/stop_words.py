"""Whether a customer's text asks us to send no more."""

from __future__ import annotations

import unicodedata

_STOP_WORDS = frozenset({"SAIR", "PARAR", "PARE", "CANCELAR", "STOP"})
#: What stands between the letters where a gateway hands UCS-2 on as it is.
_UNREAD = "\ufffd"
_LONGEST = 100  # of a line that can still be one word with blanks and signs around it


def asks_to_stop(text: str) -> bool:
    """Tell whether a text is one of the words, in any case, with any accents, blanks and signs around it.

    What stands on lines below it is a signature, or the text that is answered.
    """
    lines = text.replace(_UNREAD, "").splitlines()
    line = next((line.strip() for line in lines if any(map(str.isalnum, line))), "")
    if len(line) > _LONGEST:
        return False
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", line) if not unicodedata.category(char).startswith("M")
    )
    begin, end = 0, len(plain)
    while begin < end and not plain[begin].isalnum():
        begin += 1
    while end > begin and not plain[end - 1].isalnum():
        end -= 1
    return plain[begin:end].upper() in _STOP_WORDS
