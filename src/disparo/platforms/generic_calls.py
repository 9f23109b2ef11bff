"""Makes calls of messages, by an administrator's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, quote_plus, urljoin

from disparo.domain.sms_text import Encoding, encoding_of
from disparo.platforms.base import Outgoing
from disparo.platforms.generic_rules import Question
from disparo.platforms.generic_settings import GenericHttpSettings
from disparo.platforms.http import REPLY_LIMIT_BYTES, Call
from disparo.platforms.json_paths import to_json
from disparo.platforms.masking import Mask
from disparo.platforms.placeholders import (
    ITEMS,
    Form,
    Template,
    fill_tree,
    header_safe,
    of_alphabet,
    quote_latin1,
    shown_address,
    tree_of,
)
from disparo.platforms.table import LEFT_OUT
from disparo.platforms.xml_text import XmlBody, without_address

_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_XML = "application/xml; charset={}"
_DDD = slice(3, 5)  # of +55DDNNNNNNNNN
_BYTES_AN_ITEM = 2048  # room for the answer to each message of a batch
#: `{desde}` and `{ate}` of questions: receipts are looked for in the last three days.
_SINCE, _UNTIL = timedelta(days=3), timedelta(hours=1)


class CallMaker:
    """Makes the calls of one platform; writes nothing."""

    def __init__(self, settings: GenericHttpSettings, *, receipt_url: str) -> None:
        self._settings = settings
        self.mask = Mask(settings)
        self._constant = constant = {
            "retorno": receipt_url,
            **{f"valor:{name}": value for name, value in settings.values.items()},
            **{f"segredo:{name}": value.get_secret_value() for name, value in settings.secrets.items()},
        }
        self._headers = {
            name: Template(value, constant, header_safe) for name, value in settings.headers.items()
        }
        self._skipped = LEFT_OUT[settings.number_format]
        query, form, batch = settings.query, settings.form, settings.batch
        self._quote = quote = quote_plus if settings.charset == "utf-8" else quote_latin1
        self._query = None if query is None else Form(_told(query, receipt_url), constant, quote)
        self._form = None if form is None else Form(_told(form, receipt_url), constant, quote)
        item = None if batch is None else batch.item
        self._item = None if item is None else tree_of(_told(item, receipt_url), constant)
        in_xml = item if isinstance(item, str) else ""
        self._xml = None if settings.xml is None else self._in_xml(settings.xml, item=in_xml)
        self._json_body = _told(settings.json_body, receipt_url)
        self._json = None if self._json_body is None else tree_of(self._json_body, constant)
        said = repr((settings.headers, query, form, self._json_body, settings.xml, batch))
        self._of_alphabet = {each: of_alphabet(said, each) for each in Encoding}
        # Most platforms find out by themselves: for them no text is looked through.
        self._names_alphabet = any(self._of_alphabet.values())

    def hand_over(self, batch: Sequence[Outgoing]) -> Call:
        """Give the one call that hands over these messages; several only where the table has `batch`."""
        settings, values = self._settings, self._values(batch[0])
        url = settings.url
        if self._query is not None:
            url = _with_query(url, self._query.fill(values))
        headers, body = self._filled_headers(values), None
        if self._json is not None:
            filled = fill_tree(self._json, values)
            if self._item is not None:
                each = [fill_tree(self._item, self._values(message)) for message in batch]
                filled = _with_items(self._json_body, each, filled)
            body = _json(filled)
            headers = _of_type(_JSON, headers)
        elif self._form is not None:
            body = self._form.fill(values).encode()
            headers = _of_type(_FORM, headers)
        elif self._xml is not None:
            items = [self._values(message) for message in batch] if settings.batch is not None else []
            body = self._xml.fill(values, items)
            headers = _of_type(_XML.format(settings.charset), headers)
        deadline_s = min(message.deadline_s for message in batch)
        limit = REPLY_LIMIT_BYTES + _BYTES_AN_ITEM * (len(batch) - 1)
        return Call(settings.method, url, headers, body, deadline_s, limit)

    def question(self, rules: Question, *, reference: str = "", platform_id: str = "") -> Call:
        """Give a call that asks something."""
        now, constant = datetime.now(UTC), self._constant
        values = {
            "desde": _moment(now - _SINCE),
            "ate": _moment(now + _UNTIL),
            "referencia": reference,
            "id": platform_id,
        }
        path = Template(rules.path, _quoted(constant)).fill(_quoted(values))
        url = urljoin(self._settings.url.partition("?")[0], rules.url) + path
        if rules.query:
            url = _with_query(url, Form(rules.query, constant).fill(values))
        headers, body = self._filled_headers(values), None
        if rules.json_body is not None:
            body = _json(fill_tree(tree_of(rules.json_body, constant), values))
            headers["Content-Type"] = _JSON
        elif rules.form is not None:
            body = Form(rules.form, constant, self._quote).fill(values).encode()
            headers = _of_type(_FORM, headers)
        elif rules.xml is not None:
            body = self._in_xml(rules.xml).fill(values)
            headers = _of_type(_XML.format(self._settings.charset), headers)
        return Call(rules.method, url, headers, body)

    def shown(self, call: Call) -> str:
        """Give a call that hands over as a person will read it, secrets masked."""
        url = call.url.replace(self._settings.url, shown_address(self._settings.url), 1)
        lines = [f"{call.method} {url}", *(f"{name}: {value}" for name, value in call.headers.items())]
        charset = "utf-8" if self._xml is None else self._settings.charset
        return self.mask("\n".join([*lines, (call.body or b"").decode(charset)]))

    def _in_xml(self, text: str, *, item: str = "") -> XmlBody:
        if not self._constant["retorno"]:
            text, item = without_address(text), without_address(item)
        return XmlBody(text, self._constant, item=item, charset=self._settings.charset)

    def _filled_headers(self, values: Mapping[str, str]) -> dict[str, str]:
        return {name: value.fill(values) for name, value in self._headers.items()}

    def _values(self, message: Outgoing) -> dict[str, str]:
        return {
            "telefone": message.e164[self._skipped :],
            "ddd": message.e164[_DDD],
            "numero_sem_ddd": message.e164[_DDD.stop :],
            "texto": message.text,
            "referencia": message.reference,
            **(self._of_alphabet[encoding_of(message.text)] if self._names_alphabet else {}),
        }


def _told(tree: Any, receipt_url: str) -> Any:
    """Leave out what would hold the address for receipts where there is none: some refuse an empty one."""
    if receipt_url:
        return tree
    if isinstance(tree, dict):
        return {name: _told(value, receipt_url) for name, value in tree.items() if not _is_address(value)}
    return [_told(value, receipt_url) for value in tree] if isinstance(tree, list) else tree


def _of_type(kind: str, headers: dict[str, str]) -> dict[str, str]:
    """Say what a body is, where the table's own headers do not, in whatever letters."""
    return headers if "content-type" in map(str.lower, headers) else {**headers, "Content-Type": kind}


def _is_address(value: object) -> bool:
    return isinstance(value, str) and "{retorno}" in value


def _with_items(tree: object, items: list[object], filled: object) -> object:
    """Put the items where the table says so, into the rest as it is filled in."""
    if tree == ITEMS:
        return items
    if isinstance(tree, dict) and isinstance(filled, dict):
        return {name: _with_items(value, items, filled[name]) for name, value in tree.items()}
    if isinstance(tree, list) and isinstance(filled, list):
        return [_with_items(value, items, here) for value, here in zip(tree, filled, strict=True)]
    return filled


def _json(tree: object) -> bytes:
    return to_json(tree).encode()


def _quoted(values: Mapping[str, str]) -> dict[str, str]:
    return {name: quote(value, safe="") for name, value in values.items()}


def _with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
