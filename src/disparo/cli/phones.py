"""Phone numbers on the command line."""

from __future__ import annotations

from disparo.domain.phone import InvalidPhone, Phone, parse_registered
from disparo.errors import DisparoError


def phone_of(text: str) -> Phone:
    """Read a number as a person types it; raises DisparoError."""
    try:
        return parse_registered(text)
    except InvalidPhone:
        raise DisparoError("O telefone não é válido: use DDD e número, por exemplo 11988887777.") from None
