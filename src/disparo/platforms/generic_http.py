"""A platform by configuration alone: what to write, how to read the answer, how to read receipts."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind, ReceiptEvent
from disparo.domain.sms_text import SegmentProfile
from disparo.platforms.base import Answered, Capabilities, Exchange, Outgoing, WebhookRejected, WebhookRequest
from disparo.platforms.generic_receipts import read_event, read_receipts
from disparo.platforms.generic_settings import BASIC, PLACEHOLDER, Condition, GenericHttpSettings
from disparo.platforms.http import Call, HttpSender, NotStarted, NotTaken, Reply, Unknown
from disparo.platforms.json_paths import json_or_none, text_at

_OK = 200
_ANY = re.compile(f"{BASIC.pattern}|{PLACEHOLDER.pattern}")
_K, _F = OutcomeKind, FailureClass
#: How a status code reads where the settings say nothing. A request that was understood and turned down
#: had no effect; 5xx, 3xx and anything unknown may have had one.
_BY_STATUS: Mapping[int, tuple[OutcomeKind, FailureClass]] = {
    400: (_K.REFUSED, _F.UNKNOWN),
    401: (_K.NOT_TAKEN, _F.AUTH),
    402: (_K.NOT_TAKEN, _F.CREDIT),
    403: (_K.NOT_TAKEN, _F.AUTH),
    404: (_K.NOT_TAKEN, _F.AUTH),
    405: (_K.NOT_TAKEN, _F.AUTH),
    413: (_K.REFUSED, _F.CONTENT),
    415: (_K.NOT_TAKEN, _F.AUTH),
    422: (_K.REFUSED, _F.UNKNOWN),
    429: (_K.NOT_TAKEN, _F.THROTTLE),
}


class GenericHttp:
    """See `generic_settings.GenericHttpSettings` for what can be said."""

    def __init__(self, name: str, settings: GenericHttpSettings, *, receipt_url: str | None = None) -> None:
        self.name = name
        self._settings = settings
        self._receipt_url = receipt_url or ""
        self._sender = HttpSender(timeout_s=settings.timeout_s)
        self.capabilities = Capabilities(
            max_batch=1,
            shared_window=settings.window,
            per_second=settings.per_second,
            per_day=settings.per_day,
            profile=SegmentProfile(**settings.segments.model_dump()),
            tries_are_safe_s=settings.tries_are_safe_s,
            receipts=settings.receipts is not None,
            receipt_reply=settings.receipts.reply if settings.receipts else "OK",
            can_be_asked=settings.ask is not None,
        )

    async def send(self, batch: Sequence[Outgoing]) -> list[Outcome]:
        """Hand over each message in a call of its own."""
        return [await self._send_one(message) for message in batch]

    async def exchange(self, message: Outgoing) -> tuple[Outcome, Exchange]:
        """Hand over one message and give both sides of the call, secrets masked."""
        call = self._call(message)
        shown = self._masked(
            f"{call.method} {call.url}\n{_lines(call.headers)}\n{(call.body or b'').decode()}"
        )
        try:
            reply = await self._sender.send(call)
        except (NotTaken, NotStarted, Unknown) as error:
            return _outcome_of_failure(error), Exchange(shown, f"({error})")
        answer = f"HTTP {reply.status}\n{_lines(reply.headers)}\n{reply.body.decode('utf-8', 'replace')}"
        return self._read(reply), Exchange(shown, self._masked(answer))

    async def ask(self, reference: str) -> Answered | None:
        """Ask what became of a message, by our reference."""
        rules = self._settings.ask
        if rules is None:
            return None
        fill = self._filler(Outgoing(reference=reference, e164="+55", text="", deadline_s=0))
        headers = {name: _header_safe(fill(value)) for name, value in self._settings.headers.items()}
        query = urlencode({name: fill(value) for name, value in rules.query.items()})
        try:
            reply = await self._sender.send(Call("GET", f"{rules.url}?{query}", headers))
        except (NotTaken, NotStarted, Unknown):
            return None
        event = None
        if reply.status == _OK:
            event = read_event(json_or_none(reply.body), rules.answer, platform=self.name)
        if event is None or event.reference not in (None, reference):
            return None
        named = replace(event, reference=reference)
        return Answered(named, f"GET ?{query}\n{reply.body.decode('utf-8', 'replace')}".replace("\0", ""))

    def parse_receipts(self, request: WebhookRequest) -> list[ReceiptEvent]:
        """Read one webhook call."""
        rules = self._settings.receipts
        if rules is None:
            raise WebhookRejected("receipts are not configured")
        return read_receipts(request, rules, platform=self.name)

    async def close(self) -> None:
        """Give up connections."""
        await self._sender.close()

    async def _send_one(self, message: Outgoing) -> Outcome:
        try:
            return self._read(await self._sender.send(self._call(message)))
        except (NotTaken, NotStarted, Unknown) as error:
            return _outcome_of_failure(error)

    def _call(self, message: Outgoing) -> Call:
        settings = self._settings
        fill = self._filler(message)
        headers = {name: _header_safe(fill(value)) for name, value in settings.headers.items()}
        url, body = settings.url, None
        if settings.query is not None:
            filled = urlencode({name: fill(value) for name, value in settings.query.items()})
            url += ("&" if "?" in url else "?") + filled
        if settings.json_body is not None:
            body = json.dumps(_fill_tree(settings.json_body, fill), ensure_ascii=False).encode()
            headers.setdefault("Content-Type", "application/json")
        elif settings.form is not None:
            body = urlencode({name: fill(value) for name, value in settings.form.items()}).encode()
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return Call(settings.method, url, headers, body, message.deadline_s)

    def _filler(self, message: Outgoing) -> Callable[[str], str]:
        values = {
            "telefone": _number(message.e164, self._settings.number_format),
            "texto": message.text,
            "referencia": message.reference,
            "retorno": self._receipt_url,
            **{f"valor:{name}": value for name, value in self._settings.values.items()},
            **{f"segredo:{name}": value.get_secret_value() for name, value in self._settings.secrets.items()},
        }

        def basic(found: re.Match[str]) -> str:
            pair = f"{values['segredo:' + found[1]]}:{values['segredo:' + found[2]]}"
            return base64.b64encode(pair.encode()).decode()

        def fill(template: str) -> str:
            # One pass over the template alone: what is filled in is never read as template again.
            return _ANY.sub(lambda found: basic(found) if found[1] else values[found[3]], template)

        return fill

    def _read(self, reply: Reply) -> Outcome:
        content = json_or_none(reply.body)
        code = text_at(content, self._settings.code_path) or f"http_{reply.status}"
        for rule in self._settings.errors:
            if _holds(rule, reply, content):
                wait_s = rule.retry_after_s or _retry_after(reply)
                return Outcome(rule.outcome, code=code, failure=rule.failure, retry_after_s=wait_s)
        if _holds(self._settings.success, reply, content):
            return Outcome(OutcomeKind.ACCEPTED, platform_id=self._id(reply, content))
        kind, failure = _BY_STATUS.get(reply.status, (OutcomeKind.AMBIGUOUS, FailureClass.UNKNOWN))
        return Outcome(kind, code=code, failure=failure, retry_after_s=_retry_after(reply))

    def _id(self, reply: Reply, content: object) -> str | None:
        if self._settings.id_path is not None:
            return text_at(content, self._settings.id_path)
        if self._settings.id_regex is not None:
            found = re.search(self._settings.id_regex, reply.body.decode("utf-8", "replace"))
            return found[1] if found and found.groups() else None
        return None

    def _masked(self, text: str) -> str:
        secrets = [*self._settings.secrets.values(), self._settings.webhook_secret]
        for secret in secrets:
            if secret is not None and secret.get_secret_value():
                text = text.replace(secret.get_secret_value(), "***")
        # A pair of them in base64 hides nothing.
        return re.sub(r"(Basic )[A-Za-z0-9+/=]+", r"\1***", text)


def _outcome_of_failure(error: Exception) -> Outcome:
    if isinstance(error, NotStarted):
        return Outcome(OutcomeKind.NOT_STARTED)
    kind = OutcomeKind.NOT_TAKEN if isinstance(error, NotTaken) else OutcomeKind.AMBIGUOUS
    return Outcome(kind, code=str(error), failure=FailureClass.NETWORK)


def _holds(condition: Condition, reply: Reply, content: object) -> bool:
    if condition.status is not None and reply.status not in condition.status:
        return False
    if condition.path is not None or condition.equals is not None:
        wanted = [condition.equals] if isinstance(condition.equals, str) else condition.equals
        found = text_at(content, condition.path)
        if found is None or (wanted is not None and found not in wanted):
            return False
    return condition.regex is None or bool(re.search(condition.regex, reply.body.decode("utf-8", "replace")))


def _fill_tree(tree: Any, fill: Callable[[str], str]) -> Any:
    if isinstance(tree, str):
        return fill(tree)
    if isinstance(tree, dict):
        return {name: _fill_tree(value, fill) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_fill_tree(value, fill) for value in tree]
    return tree


def _number(e164: str, form: str) -> str:
    return {"e164": e164, "e164_digits": e164[1:], "national": e164[3:]}[form]


def _header_safe(value: str) -> str:
    # A line break in a header would be a second header.
    return value.translate({13: " ", 10: " ", 0: ""})


def _retry_after(reply: Reply) -> float | None:
    given = reply.headers.get("Retry-After", "")
    return float(given) if given.isdigit() else None


def _lines(headers: Mapping[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in headers.items())
