"""From a template and what it shows to an answer: Portuguese, escaped, in the installation's zone."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from disparo.domain.template import format_amount
from disparo.panel import assets
from disparo.panel.routing import only_looks
from disparo.panel.services import services_of
from disparo.wording import moment_words, words

#: Stands before a notice of what was not done.
NOT_DONE = "! "
_WORTH_ZIPPING = 1024
#: What only a signed-in person may see is in no cache of browser or proxy.
_PRIVATE = {"Cache-Control": "no-store", "Vary": "Cookie, Accept-Encoding"}


@dataclass(frozen=True, slots=True)
class Pager:
    """Where a list goes on, and where it begins; None: nowhere else."""

    first: str | None
    next: str | None

    @classmethod
    def of(
        cls, path: str, kept: Mapping[str, str], *, past_first: bool, cursor: Mapping[str, object] | None
    ) -> Pager:
        """Give those of a list at `path` whose filter is `kept`.

        `past_first`: this page is not the first. `cursor`: what the next one's address adds; None: the last.
        """
        return cls(
            first=f"{path}?{urlencode(kept)}" if past_first else None,
            next=None if cursor is None else f"{path}?{urlencode({**kept, **cursor})}",
        )


def render(
    request: Request, template: str, *, status: int = 200, again: str | None = None, **shown: object
) -> Response:
    """Give a page; `shown` is what its template speaks of.

    `again`: of what a form answered, where a browser goes that comes back to it (its address, if not said;
    "": the form is sent again, after the browser has asked).
    """
    if only_looks(request):
        again = ""
    elif again is None:
        again = address_of(request)
    return _answer(request, fragment(request, template, again=again, **shown), status)


def fragment(request: Request, template: str, **shown: object) -> str:
    """Give the text of a page, or of a part of one."""
    zone = services_of(request).settings.zone
    notice = getattr(request.state, "notice", None) or ""
    return (
        _environment()
        .get_template(template)
        .render(
            brand=services_of(request).settings.brand,
            person=getattr(request.state, "person", None),
            csrf=getattr(request.state, "csrf", ""),
            theme=_theme(request),
            path=request.url.path,
            here=address_of(request),
            notice=notice.removeprefix(NOT_DONE),
            is_done=not notice.startswith(NOT_DONE),
            local=lambda at: at.astimezone(zone),
            now=datetime.now(UTC).astimezone(zone),
            **shown,
        )
    )


def address_of(request: Request) -> str:
    """Give where a browser is, filters included: of a form that was sent, its address alone."""
    query = request.url.query if only_looks(request) else ""
    return f"{request.url.path}?{query}" if query else request.url.path


def see(address: str) -> Response:
    """Send a browser on after a form was taken (303): reloading repeats nothing."""
    return RedirectResponse(address, status_code=303)


def _answer(request: Request, text: str, status: int) -> Response:
    body = text.encode()
    headers = dict(_PRIVATE)
    if len(body) > _WORTH_ZIPPING and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 4, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return HTMLResponse(body, status_code=status, headers=headers)


def load_pages() -> None:
    """Read every template and asset now: a newer version's files may take their place while this one runs."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)
    assets.load()


def _theme(request: Request) -> str:
    chosen = request.cookies.get("tema", "")
    return chosen if chosen in ("light", "dark") else ""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("disparo.panel"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,  # all of them: read again, one might be another version's
    )
    environment.globals.update(asset=assets.url_of, words=words)
    environment.filters.update(
        amount=format_amount,
        number=_number,
        moment=lambda at: at.strftime(moment_words.TO_MINUTE),
        second=lambda at: at.strftime(moment_words.TO_SECOND),
        day=lambda at: at.strftime("%d/%m/%Y"),
        phone=_phone,
    )
    return environment


def _number(value: Any) -> str:
    return f"{value:,}".replace(",", ".")


def _phone(digits: str) -> str:
    """Give a number as people read it: (37) 99993-1412."""
    national = digits.removeprefix("+55")
    if len(national) < 10 or not national.isdecimal():  # noqa: PLR2004 - not a phone: as it is
        return digits
    return f"({national[:2]}) {national[2:-4]}-{national[-4:]}"
