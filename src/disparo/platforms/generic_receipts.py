"""Reading a platform's calls to our webhook, and knowing that they are the platform's."""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import parse_qsl

import structlog

from disparo.domain.outcome import FailureClass, ReceiptEvent, ReceiptKind
from disparo.platforms.base import WebhookRejected, WebhookRequest
from disparo.platforms.generic_settings import ReceiptRules
from disparo.platforms.json_paths import at, json_or_none, text_at

log = structlog.get_logger(__name__)

#: A signed call older, or further ahead, than this is a replay.
_SKEW_S = 300.0


def read_receipts(request: WebhookRequest, rules: ReceiptRules, *, platform: str) -> list[ReceiptEvent]:
    """Read one call; raises WebhookRejected."""
    _check_signature(request, rules)
    content = _content_of(request)
    _check_token(request, content, rules)
    items = at(content, rules.items) if rules.items else [content]
    if not isinstance(items, list):
        raise WebhookRejected("no list of receipts where the settings say")
    events = [read_event(item, rules, platform=platform) for item in items]
    return [event for event in events if event is not None]


def read_event(item: object, rules: ReceiptRules, *, platform: str) -> ReceiptEvent | None:
    """Read one receipt; None where it names no message. An unknown status is kept and moves nothing."""
    platform_id, reference = text_at(item, rules.id), text_at(item, rules.reference)
    if platform_id is None and reference is None:
        return None
    status, code = text_at(item, rules.status) or "", text_at(item, rules.code)
    kind = rules.statuses.get(status, ReceiptKind.OTHER)
    if status not in rules.statuses:
        log.warning("receipt_status_unknown", platform=platform, status=status[:40])
    failure = rules.failures.get(code or "") or rules.failures.get(status)
    if kind is not ReceiptKind.UNDELIVERED:
        failure = None
    elif failure is None:
        failure = FailureClass.UNKNOWN
    carrier = text_at(item, rules.carrier)
    return ReceiptEvent(kind, platform_id, reference, code=code, failure=failure, carrier=carrier)


def _check_token(request: WebhookRequest, content: object, rules: ReceiptRules) -> None:
    if rules.token is None:
        return
    given = request.headers.get((rules.header or "").lower()) or text_at(content, rules.token_path) or ""
    if not hmac.compare_digest(given.encode("utf-8", "replace"), rules.token.get_secret_value().encode()):
        raise WebhookRejected("wrong token")


def _check_signature(request: WebhookRequest, rules: ReceiptRules) -> None:
    if rules.hmac_header is None or rules.hmac_key is None:
        return
    signed = request.body
    if rules.hmac_timestamp_header is not None:
        stamp = request.headers.get(rules.hmac_timestamp_header.lower(), "")
        if not stamp.isdecimal() or abs(time.time() - int(stamp[:12])) > _SKEW_S:
            raise WebhookRejected("no timestamp of now")
        signed += stamp.encode()
    expected = hmac.new(rules.hmac_key.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()
    given = request.headers.get(rules.hmac_header.lower(), "").lower()
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise WebhookRejected("wrong signature")


def _content_of(request: WebhookRequest) -> object:
    content = json_or_none(request.body)
    if content is not None:
        return content
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    found = {**request.query, **form}
    if not found:
        raise WebhookRejected("neither JSON, form nor query")
    return found
