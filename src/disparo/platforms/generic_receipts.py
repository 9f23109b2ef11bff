"""Reads a platform's calls to our webhook: receipts, and texts that customers sent."""

from __future__ import annotations

import re
from collections.abc import Sequence

from disparo.domain.outcome import FailureClass, InboundText, ReceiptEvent, ReceiptKind
from disparo.platforms.authenticity import check_call, check_receipt
from disparo.platforms.base import Heard, WebhookRejected, WebhookRequest
from disparo.platforms.forms import read_multipart, read_urlencoded
from disparo.platforms.generic_answers import says
from disparo.platforms.generic_rules import InboundRules, ReceiptRules, meaning
from disparo.platforms.json_paths import LONGEST_NAME, as_it_came, at, content_of, is_markup, listed, text_at
from disparo.platforms.unknown_codes import UnknownCodes


def read_call(
    request: WebhookRequest,
    receipts: ReceiptRules | None,
    inbound: InboundRules | None,
    unknown: UnknownCodes,
) -> Heard:
    """Read one call; raises WebhookRejected. Calls for receipts and for texts come to the same address."""
    if receipts is None and inbound is None:
        raise WebhookRejected("neither receipts nor inbound texts are configured")
    if receipts is not None:
        check_call(request, receipts)
    content = _content_of(request)
    said = _texts(content, inbound) if inbound is not None else Heard()
    if said.texts or receipts is None:
        return said
    events, named, items = [], [], _items(content, receipts.items)
    for item in items:
        check_receipt(request, item, receipts)
        event = read_event(item, receipts, unknown)
        if event is not None:
            events.append(event)
            named.append(item)
    return Heard(receipts=events, parts=_parts(named, of=len(items)))


def read_event(
    item: object, rules: ReceiptRules, unknown: UnknownCodes, *, asked: str | None = None
) -> ReceiptEvent | None:
    """Read one receipt; None where it names no message. An unknown status is kept and moves nothing.

    `asked`: the reference of the message that was asked about, for an answer that names none.
    """
    platform_id, reference = _name(item, rules.id), _name(item, rules.reference)
    if platform_id is None and reference is None:
        reference = asked
        if asked is None:
            return None
    status, code = status_at(item, rules), _code(item, rules)
    kind = meaning(rules.statuses, status)
    if kind is None:
        unknown.count("receipt", status)
        kind = ReceiptKind.OTHER
    failure = None
    if kind is ReceiptKind.UNDELIVERED:
        failure = _failure(item, status, code, rules, unknown)
    carrier = _name(item, rules.carrier)
    return ReceiptEvent(kind, platform_id, reference, code=code, failure=failure, carrier=carrier)


def status_at(item: object, rules: ReceiptRules) -> str:
    """Give the first status found that the table knows, else the first."""
    paths = [rules.status] if isinstance(rules.status, str) else rules.status
    found = [text for path in paths if (text := text_at(item, path)) is not None]
    return next((text for text in found if meaning(rules.statuses, text)), found[0] if found else "")


def _code(item: object, rules: ReceiptRules) -> str | None:
    said = _name(item, rules.code)
    found = re.search(rules.code_regex, said) if rules.code_regex and said else None
    return next(filter(None, found.groups()), said) if found else said


def _failure(
    item: object, status: str, code: str | None, rules: ReceiptRules, unknown: UnknownCodes
) -> FailureClass:
    by_code = meaning(rules.failures, code) if code else None
    failure = by_code or meaning(rules.failures, status) or FailureClass.UNKNOWN
    if failure is FailureClass.UNKNOWN and code and by_code is None:
        unknown.count("receipt", code)
    may_pass = text_at(item, rules.permanent) == "false" if rules.permanent else False
    return FailureClass.CARRIER if may_pass and failure is FailureClass.NUMBER else failure


def _texts(content: object, rules: InboundRules) -> Heard:
    items = (listed(at(content, rules.items)) or []) if rules.items else [content]
    said = [(item, text) for item in items for text in _text(item, rules)]
    return Heard(texts=[text for _, text in said], parts=_parts([item for item, _ in said], of=len(items)))


def _parts(items: Sequence[object], *, of: int) -> Sequence[str]:
    try:
        return [as_it_came(item) for item in items] if of > 1 else ()
    except RecursionError:
        raise WebhookRejected("nested too deeply") from None


def _text(item: object, rules: InboundRules) -> Sequence[InboundText]:
    if rules.when is not None and not says(rules.when, item):
        return ()
    text, sender = text_at(item, rules.text), _name(item, rules.sender)
    about = _name(item, rules.about_id), _name(item, rules.about_reference)
    if text is None or (sender is None and not any(about)):
        return ()
    return (InboundText(sender, text, _name(item, rules.id), *about),)


def _items(content: object, path: str | None) -> list[object]:
    items = listed(at(content, path)) if path else [content]
    if items is None:
        raise WebhookRejected("no list of receipts where the settings say")
    return items


def _name(item: object, path: str | list[str] | None) -> str | None:
    found = text_at(item, path)
    return None if found is None else found[:LONGEST_NAME]


def _content_of(request: WebhookRequest) -> object:
    content = content_of(request.body)
    if isinstance(content, dict):
        return {**request.query, **content}  # an address of the message's own may name what the body does not
    if content is not None:
        return content
    if is_markup(request.body):
        raise WebhookRejected("XML that cannot be read")
    label = request.headers.get("content-type", "")
    try:
        is_multipart = label.lower().startswith("multipart/")
        form = read_multipart(label, request.body) if is_multipart else read_urlencoded(request.body)
    except ValueError:
        raise WebhookRejected("a form that cannot be read") from None
    found = {**request.query, **form}
    if not found:
        raise WebhookRejected("neither JSON, XML, form nor query")
    return found
