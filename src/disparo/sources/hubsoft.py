"""HubSoft as a source: its integration API, asked with a credential of ours (docs/api.md §2, §4).

Its API shows neither contacts nor who permits SMS. Only what its pages name is asked for: any other value may
be refused, or taken for the default.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any, cast

import aiohttp
import structlog

from disparo.db.customers import CustomerRow, InvoiceRow, Told
from disparo.sources.base import CANCELLED, DUE, LIVE, PAID, Page, SourceDown, SourceRefused, Step
from disparo.sources.hubsoft_answers import (
    LONGEST_HEADER,
    PageFails,
    TryLater,
    backoff_s,
    customers_of,
    invoices_of,
    is_success,
    later_after,
    later_if_passing,
    page_of,
    read_json,
    words_of,
)
from disparo.sources.hubsoft_login import HubsoftLogin
from disparo.sources.hubsoft_parts import in_parts
from disparo.sources.hubsoft_settings import HubsoftSettings, invoice_search, month
from disparo.sources.listing import Listing

log = structlog.get_logger(__name__)

NAME = "hubsoft"
BASE = "/api/v1/integracao"
CONNECT_TIMEOUT_S = 5.0
_PER_PAGE = 500
#: Banks tell of a payment on the next working day: a weekend, and the holiday beside it.
_BOOKED_WITHIN = timedelta(days=4)
_TRIES = 6
#: Where a message waits for the answer.
_TRIES_NOW = 2
#: Addresses are not shown unasked; they tell the state whose sending hours hold.
_RELATIONS = "endereco_cadastral,endereco_instalacao"
_NOT_SHOWN_UNASKED = {"exibir_pix_copia_cola": "sim", "exibir_fatura_inativa": "sim"}


class Hubsoft:
    """One process's connections to HubSoft."""

    name = NAME

    def __init__(self, settings: HubsoftSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._login = HubsoftLogin(settings)

    def full_steps(self, today: date) -> Sequence[Step]:
        """List customers, then the invoices of each month by due day."""
        months = range(-self._settings.months_back, self._settings.months_ahead + 1)
        # The live ones first: who is in both lists keeps those (Sync).
        return [Step(LIVE), Step(CANCELLED), *(Step(DUE, *month(today, offset)) for offset in months)]

    def recent_steps(self, since: date, today: date) -> Sequence[Step]:
        """List what is new or paid since a day."""
        # A day more at both ends: its clock is not ours.
        first, last = since - timedelta(days=1), today + timedelta(days=1)
        new = [Step(kind, first, last) for kind in ("new_customers", "registered")]
        return [*new, Step(PAID, since - _BOOKED_WITHIN, last)]

    async def fetch_page(self, step: Step, page: int) -> Page:
        """Read one page of customers or of invoices."""
        try:
            return await self._fetch_page(step, page, _PER_PAGE)
        except PageFails:
            return await in_parts(
                lambda part, size: self._fetch_page(step, part, size, once=True), page, _PER_PAGE
            )

    async def _fetch_page(self, step: Step, page: int, per_page: int, *, once: bool = False) -> Page:
        query: dict[str, Any] = {"pagina": page, "itens_por_pagina": per_page}
        if step.first is not None and step.last is not None:
            query |= {"data_inicio": step.first.isoformat(), "data_fim": step.last.isoformat()}
        if step.kind.endswith("customers"):
            cancelled = "sim" if step.kind == CANCELLED else "nao"
            query |= {"cancelado": cancelled, "relacoes": _RELATIONS}
            answer, _ = await self._get("/cliente/todos", query, once=once)
            customers, left_out = customers_of(answer, NAME, sms_allowed=self._settings.sms_permission)
            return page_of(answer, page, per_page, customers=customers, left_out=left_out)
        kinds = {DUE: "data_vencimento", "registered": "data_cadastro", PAID: "data_pagamento"}
        query |= {"tipo_data": kinds[step.kind], **_NOT_SHOWN_UNASKED}
        answer, asked_at = await self._get("/financeiro/fatura", query, once=once)
        invoices, left_out = invoices_of(answer, NAME, asked_at, all_active=False)
        return page_of(answer, page, per_page, invoices=invoices, left_out=left_out)

    async def fetch_customers(self, customer_ids: Sequence[int]) -> AsyncIterator[CustomerRow]:
        """Read customers, one call each; two for one whose services are all cancelled."""
        fails = False
        for customer_id in customer_ids:
            try:
                found = await self._fetch_customer(customer_id)
            except PageFails:
                if fails:  # it is not about one of them
                    raise
                fails = True
                log.warning("source_customer_fails", source=NAME, id=customer_id)
                continue
            fails = False
            for row in found:
                yield row

    async def _fetch_customer(self, customer_id: int) -> Sequence[CustomerRow]:
        query = {"busca": "id_cliente", "termo_busca": customer_id, "inativo": "todos"}
        for cancelled in ("nao", "sim"):
            asked = {**query, "cancelado": cancelled, "relacoes": _RELATIONS}
            answer, _ = await self._get("/cliente", asked)
            found, _ = customers_of(answer, NAME, sms_allowed=self._settings.sms_permission)
            if found:
                return found
        return ()

    async def fetch_invoices(self, customer_id: int, due_dates: Sequence[date]) -> Page:
        """Read a customer's invoices of the months that are synced and of these days; see RegisterSource."""
        query = {
            **invoice_search(self._settings, "id_cliente", customer_id, due_dates),
            "exibir_pix_copia_cola": "sim",
            "itens_por_pagina": _PER_PAGE,
        }
        found: list[InvoiceRow] = []
        told: dict[int, Told] = {}
        left_out, page, at_end, listing = 0, 0, False, Listing()
        while not at_end:
            asked = {**query, "pagina": page}
            answer, asked_at = await self._get("/financeiro/fatura", asked, tries=_TRIES_NOW)
            rows, unread = invoices_of(answer, NAME, asked_at, all_active=True)
            own = [row for row in rows if row["customer_id"] == customer_id]
            found += own
            left_out += unread + len(rows) - len(own)  # another's: it is another question that was answered
            listed = page_of(answer, page, _PER_PAGE, left_out=unread)
            listing.add(listed, page)
            told |= listed.told
            page, at_end = page + 1, listed.is_last
        left_out += listing.missing if page > 1 else 0  # pushed over the edge of a page while they were read
        return Page(
            is_last=True,
            invoices=list({row["id"]: row for row in found}.values()),
            left_out=left_out,
            told={customer_id: told[customer_id]} if customer_id in told else {},
        )

    async def fetch_invoice(self, invoice_id: int) -> Page:
        """Look one invoice up among those due in the months that are synced; see RegisterSource."""
        query = {**invoice_search(self._settings, "id_fatura", invoice_id), **_NOT_SHOWN_UNASKED}
        answer, asked_at = await self._get("/financeiro/fatura", query, tries=_TRIES_NOW)
        found, _ = invoices_of(answer, NAME, asked_at, all_active=False)
        if any(row["id"] != invoice_id for row in found):
            raise SourceRefused("O HubSoft não procura por id_fatura.")
        return page_of(answer, 0, 1, invoices=found[-1:], left_out=0)  # of one named twice the last counts

    async def authorization(self) -> str:
        """Give the header's value with which we are known there; raises SourceDown or SourceRefused."""
        return await self._login.authorization(self.session)

    async def knows(self, token: str) -> bool:
        """Ask whether a token is one of its own that lives; raises SourceDown.

        Only its own success says so, and only its own refusal that it does not: what stands before it, or in
        for it, answers whoever asks.
        """
        query = {"busca": "codigo_cliente", "termo_busca": "0", "limit": "1"}
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with self.session.get(
                f"{self._settings.url}{BASE}/cliente", params=query, headers=headers, allow_redirects=False
            ) as response:
                if response.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
                    return False
                if response.status != HTTPStatus.OK:
                    raise SourceDown(f"HTTP {response.status}")
                if not is_success(await read_json(response)):
                    raise SourceDown("no success")
                return True
        except SourceRefused as too_long:
            raise SourceDown(str(too_long)) from too_long
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise SourceDown(type(error).__name__) from error

    def forget_token(self, authorization: str) -> None:
        """Log in anew next time, since this was refused."""
        self._login.forget(authorization)

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connections, opened when first needed."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=16, ssl=self._settings.verify_tls),
                timeout=aiohttp.ClientTimeout(
                    total=self._settings.timeout_s * 2,
                    sock_connect=CONNECT_TIMEOUT_S,
                    sock_read=self._settings.timeout_s,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                max_field_size=LONGEST_HEADER,
                headers={"User-Agent": "disparo", "Accept": "application/json"},
            )
        return self._session

    async def _get(
        self, path: str, query: Mapping[str, Any], *, tries: int | None = None, once: bool = False
    ) -> tuple[Mapping[str, Any], datetime]:
        """Ask, patiently: 429 and passing faults are waited for; raises SourceDown or SourceRefused.

        Gives when it was asked, too. SourceDown is PageFails where it is there: `once`, at once.
        """
        attempt = 1
        while True:
            try:
                return await self._get_once(path, query)
            except TryLater as later:
                if later.gives_up or (once and later.of_answer) or attempt >= (tries or _TRIES):
                    raise (PageFails if later.of_answer else SourceDown)(later.why) from None
                await asyncio.sleep(later.wait_s if later.wait_s is not None else backoff_s(attempt - 1))
                attempt += 1

    async def _get_once(self, path: str, query: Mapping[str, Any]) -> tuple[Mapping[str, Any], datetime]:
        headers = {"Authorization": await self.authorization()}
        params = {name: str(value) for name, value in query.items()}
        asked_at = datetime.now(UTC)
        try:
            async with self.session.get(
                f"{self._settings.url}{BASE}{path}", params=params, headers=headers, allow_redirects=False
            ) as response:
                later_if_passing(response)
                if response.status == HTTPStatus.UNAUTHORIZED:
                    self.forget_token(headers["Authorization"])
                    raise TryLater("HTTP 401", 0.0)
                if response.status != HTTPStatus.OK:
                    raise SourceRefused(f"O HubSoft respondeu {response.status} a {path}.")
                answer = await read_json(response)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise later_after(error) from error
        if not is_success(answer):
            raise SourceRefused(f"O HubSoft recusou {path}{words_of(answer)}.")
        return cast("Mapping[str, Any]", answer), asked_at
