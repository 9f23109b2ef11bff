"""Reads the query strings of lookups as clients write them (docs/api.md §1, §4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from disparo.api.errors import Refusal
from disparo.api.hubsoft.paging import read_page
from disparo.api.hubsoft.reading import read_day, read_number
from disparo.api.hubsoft.words import NO, YES, echo
from disparo.db.invoice_lookups import Day, InvoiceFilter, InvoiceOrder
from disparo.db.register import By, CustomerFilter, Order, Sorting
from disparo.domain.cnpj import is_valid_cnpj
from disparo.domain.phone import PHONE_TAIL, InvalidPhone, Phone, parse_registered
from disparo.sources.hubsoft_names import normal_mac

SEARCHES: Mapping[str, By] = {
    "nome_razaosocial": By.NAME,
    "nome_fantasia": By.TRADE_NAME,
    "cpf_cnpj": By.CPF_CNPJ,
    "codigo_cliente": By.CODE,
    "telefone": By.PHONE,
    "id_cliente": By.ID,
    "id_cliente_servico": By.SERVICE_ID,
    "email": By.EMAIL,
    "login_radius": By.LOGIN,
    "ipv4": By.IPV4,
    "mac": By.MAC,
    "uuid_cliente": By.UUID,
    "id_externo": By.EXTERNAL_ID,
}
INVOICE_SEARCHES: Mapping[str, By] = {
    name: SEARCHES[name] for name in ("cpf_cnpj", "codigo_cliente", "id_cliente_servico", "id_cliente")
}
BY_INVOICE = "id_fatura"
ORDERS: Mapping[str, Order] = {
    "data_cadastro": Order.REGISTERED,
    "codigo_cliente": Order.CODE,
    "nome_razaosocial": Order.NAME,
}
INVOICE_ORDERS: Mapping[str, InvoiceOrder] = {
    "data_vencimento": InvoiceOrder.DUE,
    "data_pagamento": InvoiceOrder.PAID,
    "data_cadastro": InvoiceOrder.REGISTERED,
    "valor": InvoiceOrder.AMOUNT,
}
DAYS: Mapping[str, Day] = {
    "data_vencimento": Day.DUE,
    "data_pagamento": Day.PAID,
    "data_cadastro": Day.REGISTERED,
}
MOST = 100
_NUMBERS = frozenset({By.CODE, By.ID, By.SERVICE_ID})
_LONGEST_TERM = 200
_EARLIEST, _LATEST = date(2, 1, 1), date(9999, 12, 30)
_DEFAULT_PERIOD = timedelta(days=10)
_Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Search:
    """Whom to look for; `key` is None for a term that nothing can match, `phone` is a whole phone."""

    by: By
    key: str | int | None
    phone: Phone | None = None

    @property
    def text(self) -> str:
        """The key as a text; empty for a term that nothing can have."""
        return "" if self.key is None else str(self.key)


def read_search(query: _Query, searches: Mapping[str, By]) -> Search:
    """Read `busca` and `termo_busca`, both required; raises Refusal."""
    found = read_optional_search(query, searches)
    if found is None:
        raise Refusal("Favor preencher o atributo (busca)")
    return found


def read_optional_search(query: _Query, searches: Mapping[str, By], *others: str) -> Search | None:
    """Read `busca` and `termo_busca`, of which none or both may be there; raises Refusal.

    `others`: what may be searched by too, which is read elsewhere.
    """
    name, term = text_of(query, "busca"), text_of(query, "termo_busca")
    if not name:
        if term:
            raise Refusal("Favor preencher o atributo (busca)")
        return None
    if name not in searches and name not in others:
        raise Refusal(
            f"O tipo de busca ({echo(name)}) não é válido | Valores aceitos para esse campo: "
            f"{', '.join([*searches, *others])}"
        )
    if not term:
        raise Refusal("Favor preencher o atributo (termo_busca)")
    return None if name in others else _search(searches[name], term[:_LONGEST_TERM])


def read_report_search(query: _Query) -> Search | None:
    """Read whose invoices `financeiro/fatura` is asked for; raises Refusal."""
    return read_optional_search(query, INVOICE_SEARCHES, BY_INVOICE)


def _read_invoice_id(query: _Query) -> int | None:
    """Read `busca=id_fatura`; 0, which no invoice has, for a term that is no id."""
    if text_of(query, "busca") != BY_INVOICE:
        return None
    term = text_of(query, "termo_busca")
    return int(term) if re.fullmatch(r"[0-9]{1,18}", term) else 0


def read_document(query: _Query) -> Search | None:
    """Read `documento`: the CNPJ of the company that issued the invoices, or a customer's CPF or CNPJ."""
    text = text_of(query, "documento")
    return document_search(text) if text else None


def document_search(text: str) -> Search:
    """Give the search for a CPF or CNPJ, however it is written."""
    return _search(By.CPF_CNPJ, text)


def _search(by: By, term: str) -> Search:
    digits = re.sub(r"[^0-9]", "", term)
    if by is By.PHONE:
        if len(digits) < PHONE_TAIL:
            return Search(by, None)
        return Search(by, int(digits[-PHONE_TAIL:]), _phone(term))
    if by is By.CPF_CNPJ:
        bare = re.sub(r"[^0-9A-Za-z]", "", term).upper()
        return Search(by, bare if is_valid_cnpj(bare) else digits or None)
    if by in _NUMBERS:
        return Search(by, int(term) if re.fullmatch(r"[0-9]{1,18}", term) else None)
    if by is By.MAC:
        return Search(by, normal_mac(term))
    return Search(by, term)


def _phone(text: str) -> Phone | None:
    try:
        return parse_registered(text)
    except InvalidPhone:
        return None


def read_limit(query: _Query, *, default: int) -> int:
    """Read `limit`; raises Refusal, in the original's words above its most."""
    digits = text_of(query, "limit").lstrip("0")
    if re.fullmatch(r"[0-9]+", digits) and int(digits[:9]) > MOST:  # however many there are
        raise Refusal(f"O limite máximo de resultados é de {MOST} itens")
    return read_number(query, "limit", default, 1, MOST)


def read_paging(query: _Query) -> tuple[int, int]:
    """Read `pagina` (from 0) and `itens_por_pagina`, also called `quantidade`; raises Refusal."""
    name = "itens_por_pagina" if text_of(query, "itens_por_pagina") else "quantidade"
    return read_page(query, default=50, per_page=name)


def read_sorting(query: _Query) -> Sorting:
    """Read `order_by` and `order_type`; what is unknown is the default."""
    by = ORDERS.get(text_of(query, "order_by").lower(), Order.REGISTERED)
    return Sorting(by, is_descending(query))


def read_invoice_order(query: _Query) -> InvoiceOrder:
    """Read `order_by` of invoices; what is unknown is the default."""
    return INVOICE_ORDERS.get(text_of(query, "order_by").lower(), InvoiceOrder.DUE)


def is_descending(query: _Query) -> bool:
    """Read `order_type`."""
    return text_of(query, "order_type").lower() == "desc"


def read_customer_filter(query: _Query, *, dated: bool) -> CustomerFilter:
    """Read which customers are wanted: active ones by default; `dated`: within days of registration too."""
    inactive = read_choice(query, "inativo")
    first, last = read_period(query) if dated else (None, None)
    return CustomerFilter(
        active=None if inactive is None else not inactive,
        with_status=read_statuses(query),
        registered_from=first,
        registered_to=last,
    )


def read_statuses(query: _Query) -> Sequence[str]:
    """Read `servico_status`: prefixes with commas between; `cancelado=sim` asks for those cancelled."""
    found = [part.strip().lower() for part in text_of(query, "servico_status").split(",") if part.strip()]
    if not found and read_choice(query, "cancelado") is True:
        return ["cancelado"]
    return found[:20]


def read_invoice_filter(query: _Query, *, states: Sequence[str]) -> InvoiceFilter:
    """Read the days of `cliente/financeiro`; `tipo_data` is looked at only where a day is given."""
    first, last = read_period(query)
    day = read_day_kind(query) if first or last else Day.DUE
    return InvoiceFilter(day, first, last, states)


def read_report_filter(query: _Query, today: date) -> InvoiceFilter:
    """Read the filters of `financeiro/fatura`: the last ten days unless others are named."""
    day = read_day_kind(query)
    first, last = _read_end(query, "data_inicio"), _read_end(query, "data_fim")
    last = last or (max(today, first) if first else today)
    first = first or min(today, last) - _DEFAULT_PERIOD
    _check_period(first, last)
    paid, due = read_flag(query, "apenas_quitado"), read_flag(query, "apenas_em_aberto")
    states = [state for state, wanted in (("paid", paid), ("open", due)) if wanted]
    if not states and not read_flag(query, "exibir_fatura_inativa"):
        states = ["open", "paid"]
    zero = read_flag(query, "valor_zerado")
    return InvoiceFilter(day, first, last, states, zero, _read_invoice_id(query))


def narrow_to_service(wanted: InvoiceFilter, search: Search) -> InvoiceFilter:
    """Leave a customer's other services out where one of them is searched by."""
    return replace(wanted, service_id=str(search.key)) if search.by is By.SERVICE_ID else wanted


def read_period(query: _Query) -> tuple[date | None, date | None]:
    """Read `data_inicio` and `data_fim`, both inclusive; raises Refusal."""
    first, last = _read_end(query, "data_inicio"), _read_end(query, "data_fim")
    if first and last:
        _check_period(first, last)
    return first, last


def _read_end(query: _Query, name: str) -> date | None:
    """Read an end of a period; who wants none writes 0001-01-01, 9999-12-31: no zone has a day beside."""
    day = read_day(query, name)
    return None if day is None else min(max(day, _EARLIEST), _LATEST)


def _check_period(first: date, last: date) -> None:
    if first > last:
        raise Refusal("O atributo (data_fim) deve ser maior ou igual ao atributo (data_inicio)")


def read_day_kind(query: _Query) -> Day:
    """Read `tipo_data`; raises Refusal."""
    name = text_of(query, "tipo_data").lower() or "data_vencimento"
    if name not in DAYS:
        raise Refusal(
            f"O tipo de data ({echo(name)}) não é válido | Valores aceitos para esse campo: {', '.join(DAYS)}"
        )
    return DAYS[name]


def read_flag(query: _Query, name: str) -> bool | None:
    """Read a flag, None where it is absent; raises Refusal."""
    word = text_of(query, name).lower()
    if not word:
        return None
    if word not in YES | NO:
        raise Refusal(f"O atributo ({name}) não é válido | Valores aceitos para esse campo: sim, nao")
    return word in YES


def read_choice(query: _Query, name: str) -> bool | None:
    """Read a flag that is no by default and may also be `todos`, None; raises Refusal."""
    word = text_of(query, name).lower()
    if word == "todos":
        return None
    if word and word not in YES | NO:
        raise Refusal(f"O atributo ({name}) não é válido | Valores aceitos para esse campo: sim, nao, todos")
    return word in YES


def read_client_state(query: _Query) -> bool | None:
    """Read `status_cadastro_cliente`: None for all; raises Refusal."""
    word = text_of(query, "status_cadastro_cliente").lower()
    states = {"": None, "todos": None, "ativo": True, "inativo": False}
    if word not in states:
        raise Refusal(
            "O status do cadastro não é válido | Valores aceitos para esse campo: ativo, inativo, todos"
        )
    return states[word]


def text_of(query: _Query, name: str) -> str:
    """Give a parameter without blanks around; empty is absent, and no NUL reaches the database."""
    return query.get(name, "").replace("\0", "").strip()
