"""Hides a platform's secrets, however they are spelt, in what is kept or a person will read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from disparo.platforms.generic_settings import GenericHttpSettings
from disparo.platforms.json_paths import to_json
from disparo.platforms.placeholders import likely_keys, quote_latin1
from disparo.platforms.xml_text import xml_safe

_HIDDEN = "***"
#: A shorter one guards nothing, and would hide half of a text.
_SHORTEST = 4
#: A pair of secrets in base64 hides nothing; it goes first, whole: a secret may stand in it by chance.
_AUTHORIZATION = re.compile(r"(Basic |Bearer )[A-Za-z0-9+/=._~-]+")


class Mask:
    """Hides the secrets of one platform's table."""

    def __init__(self, settings: GenericHttpSettings) -> None:
        forms = {form for secret in _secrets(settings) for form in _spelt(secret)}
        spelt = sorted(forms, key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, spelt))) if spelt else None

    def __call__(self, text: str) -> str:
        """Give a text with `***` in the place of each."""
        text = _AUTHORIZATION.sub(rf"\1{_HIDDEN}", text)
        return text if self._secret is None else self._secret.sub(_HIDDEN, text)


def _secrets(settings: GenericHttpSettings) -> set[str]:
    of_receipts = (settings.receipts.token, settings.receipts.hmac_key) if settings.receipts else ()
    keys = {key.get_secret_value() for key in (*settings.secrets.values(), *of_receipts) if key}
    found = {*keys, *settings.webhook_secrets, *likely_keys(settings.url)}
    return {secret for secret in found if len(secret) >= _SHORTEST}


def _spelt(secret: str) -> Iterator[str]:
    """Give a secret as it is, and as it stands in JSON, in an address and in XML."""
    yield secret
    yield to_json(secret)[1:-1]
    yield from (quote(secret, safe=""), quote(secret), quote_plus(secret), quote_latin1(secret))
    for in_xml in (xml_safe(secret), escape(secret)):
        yield in_xml
        yield in_xml.encode("latin-1", "xmlcharrefreplace").decode("latin-1")
