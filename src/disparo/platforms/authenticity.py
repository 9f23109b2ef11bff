"""Checks that a call to our webhook is the platform's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

from pydantic import SecretStr

from disparo.platforms.base import WebhookForged, WebhookRequest
from disparo.platforms.forms import read_pairs
from disparo.platforms.generic_rules import ReceiptRules
from disparo.platforms.json_paths import text_at

#: A signed call older, or further ahead, than this is a replay.
_SKEW_S = 300.0


def check_call(request: WebhookRequest, rules: ReceiptRules) -> None:
    """Check what speaks for a whole call: its signature, a header's token; raises WebhookForged."""
    if rules.hmac_header is not None and rules.hmac_key is not None:
        given = request.headers.get(rules.hmac_header.lower(), "")
        if rules.signature == "twilio":
            expected = twilio_signature(request, rules.hmac_key)
        else:
            expected, given = _hex_signature(request, rules, rules.hmac_key), given.lower()
        if not _same(given, expected):
            raise WebhookForged("wrong signature")
    if rules.token is not None and rules.header is not None and rules.token_path is None:
        _check(request.headers.get(rules.header.lower()), rules.token)


def check_receipt(request: WebhookRequest, item: object, rules: ReceiptRules) -> None:
    """Check the token that a receipt carries itself; raises WebhookForged."""
    if rules.token is not None and rules.token_path is not None:
        in_header = request.headers.get((rules.header or "").lower())
        _check(in_header or text_at(item, rules.token_path), rules.token)


def twilio_signature(request: WebhookRequest, key: SecretStr) -> str:
    """Sign as Twilio does: HMAC-SHA1 of the address and, of a form, names and values in order."""
    form: list[tuple[str, str]] = []
    if request.method == "POST":
        # A name that comes twice with the same value counts once, as in Twilio's own validator.
        pairs = read_pairs(request.body, most_fields=len(request.body) + 1)
        form = sorted({(_in_utf8(name), _in_utf8(value)) for name, value in pairs})
    signed = request.url + "".join(name + value for name, value in form)
    digest = hmac.new(key.get_secret_value().encode(), signed.encode("utf-8", "replace"), hashlib.sha1)
    return base64.b64encode(digest.digest()).decode()


def _in_utf8(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _hex_signature(request: WebhookRequest, rules: ReceiptRules, key: SecretStr) -> str:
    signed = request.body
    if rules.hmac_timestamp_header is not None:
        stamp = request.headers.get(rules.hmac_timestamp_header.lower(), "")
        is_number = stamp.isascii() and stamp.isdecimal()
        if not is_number or abs(time.time() - int(stamp[:12])) > _SKEW_S:
            raise WebhookForged("no timestamp of now")
        signed += stamp.encode()
    return hmac.new(key.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()


def _check(given: str | None, token: SecretStr) -> None:
    if not _same(given or "", token.get_secret_value()):
        raise WebhookForged("wrong token")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
