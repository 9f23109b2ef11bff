"""From an administrator's table and messages to calls on the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode, urljoin

from disparo.platforms.base import Outgoing
from disparo.platforms.generic_rules import Question
from disparo.platforms.generic_settings import ITEMS, GenericHttpSettings
from disparo.platforms.http import REPLY_LIMIT_BYTES, Call
from disparo.platforms.placeholders import Fill, fill_tree, filler, header_safe

_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_BYTES_AN_ITEM = 2048  # room for the answer to each message of a batch
#: `{desde}` and `{ate}` of questions: receipts are looked for in the last three days.
_SINCE, _UNTIL = timedelta(days=3), timedelta(hours=1)


class CallMaker:
    """Knows one platform's table and writes nothing."""

    def __init__(self, settings: GenericHttpSettings, *, receipt_url: str) -> None:
        self._settings = settings
        self._constant = {
            "retorno": receipt_url,
            **{f"valor:{name}": value for name, value in settings.values.items()},
            **{f"segredo:{name}": value.get_secret_value() for name, value in settings.secrets.items()},
        }

    def hand_over(self, batch: Sequence[Outgoing]) -> Call:
        """Give the one call that hands over these messages; several only where the table has `batch`."""
        settings, fill = self._settings, self._fill(batch[0])
        url = settings.url
        if settings.query is not None:
            url += ("&" if "?" in url else "?") + _encoded(settings.query, fill)
        headers, body = self._headers(fill), None
        if settings.batch is not None:
            items = [fill_tree(settings.batch.item, self._fill(message)) for message in batch]
            body = _json(_with_items(settings.json_body, items, fill))
            headers.setdefault("Content-Type", _JSON)
        elif settings.json_body is not None:
            body = _json(fill_tree(settings.json_body, fill))
            headers.setdefault("Content-Type", _JSON)
        elif settings.form is not None:
            body = _encoded(settings.form, fill).encode()
            headers.setdefault("Content-Type", _FORM)
        deadline_s = min(message.deadline_s for message in batch)
        limit = REPLY_LIMIT_BYTES + _BYTES_AN_ITEM * (len(batch) - 1)
        return Call(settings.method, url, headers, body, deadline_s, limit)

    def question(self, rules: Question, *, reference: str = "", platform_id: str = "") -> Call:
        """Give a call that asks something."""
        now = datetime.now(UTC)
        moments = {"desde": _moment(now - _SINCE), "ate": _moment(now + _UNTIL)}
        fill = filler({**self._constant, **moments, "referencia": reference, "id": platform_id})
        in_path = filler({"referencia": quote(reference, safe=""), "id": quote(platform_id, safe="")})
        url = urljoin(self._settings.url.partition("?")[0], rules.url) + in_path(rules.path)
        if rules.query:
            url += ("&" if "?" in url else "?") + _encoded(rules.query, fill)
        headers, body = self._headers(fill), None
        if rules.json_body is not None:
            body = _json(fill_tree(rules.json_body, fill))
            headers["Content-Type"] = _JSON
        return Call(rules.method, url, headers, body)

    def masked(self, text: str) -> str:
        """Hide every secret in what a person will read."""
        settings = self._settings
        of_receipts = (settings.receipts.token, settings.receipts.hmac_key) if settings.receipts else ()
        shown = {key.get_secret_value() for key in (*settings.secrets.values(), *of_receipts) if key}
        for secret in sorted({*shown, *settings.webhook_secrets} - {""}, key=len, reverse=True):
            for form in (secret, quote(secret, safe=""), quote(secret)):
                text = text.replace(form, "***")
        # A pair of them in base64 hides nothing.
        return re.sub(r"(Basic )[A-Za-z0-9+/=]+", r"\1***", text)

    def _headers(self, fill: Fill) -> dict[str, str]:
        return {name: header_safe(fill(value)) for name, value in self._settings.headers.items()}

    def _fill(self, message: Outgoing) -> Fill:
        return filler(
            {
                **self._constant,
                "telefone": _number(message.e164, self._settings.number_format),
                "texto": message.text,
                "referencia": message.reference,
            }
        )


def _with_items(tree: object, items: list[object], fill: Fill) -> object:
    if tree == ITEMS:
        return items
    if isinstance(tree, dict):
        return {name: _with_items(value, items, fill) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_with_items(value, items, fill) for value in tree]
    return fill(tree) if isinstance(tree, str) else tree


def _json(tree: object) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode()


def _encoded(pairs: Mapping[str, str], fill: Fill) -> str:
    return urlencode({name: fill(value) for name, value in pairs.items()})


def _number(e164: str, form: str) -> str:
    return {"e164": e164, "e164_digits": e164[1:], "national": e164[3:]}[form]


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
