"""`disparo simular FATURA`: who would get it and what it would say; nothing is sent or stored."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import typer
from rich.table import Table

from disparo.cli.context import DataDir, with_connection
from disparo.cli.tables import show_table
from disparo.db import invoices, opt_outs, templates
from disparo.db.invoices import InvoiceFacts
from disparo.db.pool import Connection
from disparo.dispatch.bulk_estimate import Estimates, Groups, estimate_all, ways_of
from disparo.dispatch.from_settings import offers_of
from disparo.dispatch.preview import Preview, preview, text_of
from disparo.dispatch.rules import against_invoice
from disparo.domain.money import read_price
from disparo.domain.recipients import Candidates, drop, list_candidates
from disparo.domain.template import InvoiceText, TemplateRefused, format_amount
from disparo.errors import DisparoError
from disparo.settings import Settings, load_settings
from disparo.wording import words

#: What a call would say of an invoice, by why it is refused.
_REFUSED = {
    "invoice_cancelled": "está cancelada",
    "invoice_paid": "está quitada",
    "invoice_zero": "é de R$ 0,00",
}


def simulate(
    fatura: int,
    custo_segmento: Annotated[
        str | None,
        typer.Option(
            metavar="VALOR",
            help="Preço de um segmento, por exemplo 0.08. Sem ele: o cost_per_segment das plataformas.",
        ),
    ] = None,
    dados: DataDir = None,
) -> None:
    """Mostra destinatários, dispensados com o motivo, texto, segmentos e custo. Não envia nada."""
    settings = load_settings(data_dir=dados)
    price = _price(custo_segmento)

    async def work(connection: Connection) -> tuple[str | None, Candidates, Preview, Estimates]:
        facts = (await invoices.read_facts(connection, [fatura])).get(fatura)
        rows = await invoices.read_texts(connection, [fatura])
        if facts is None or not rows:
            raise DisparoError(f"Fatura de ID {fatura} não encontrada.")
        candidates = list_candidates(facts.register, [])
        numbers = [recipient.phone.e164 for recipient in candidates.recipients]
        found = drop(candidates, opted_out=await opt_outs.among(connection, numbers))
        template = await templates.current(connection) or settings.template
        try:
            shown = preview(rows[0], template, settings)
        except TemplateRefused as refused:
            raise DisparoError(refused.detail) from None
        text = text_of(rows[0], settings)
        return _refusal(facts, settings), found, shown, _estimates(found, text, template, settings)

    refusal, found, shown, estimates = with_connection(dados, work)
    _print_people(found)
    if refusal is not None:
        print(f"Atenção: a fatura {refusal}; a chamada seria recusada.")
    elif not found.recipients:
        print("Atenção: não há telefone celular que receba; a chamada seria recusada.")
    first = estimates.first
    if first is not None and estimates.out_of_reach:
        print(f"Atenção: {words.out_of_reach(estimates.out_of_reach)}")
    print(f"\nTexto ({shown.segments} segmento(s), {_letters(shown)}):")
    print(f"  {shown.text}")
    total = shown.segments * len(found.recipients) if first is None else first.segments
    known = None if first is None else first.cost
    cost = known if price is None else price * total
    in_words = "" if cost is None else f", {format_amount(cost)}"
    print(f"\nTotal: {len(found.recipients)} SMS, {total} segmento(s){in_words}. Nada foi enviado.")


def _estimates(found: Candidates, text: InvoiceText, template: str | None, settings: Settings) -> Estimates:
    """Give what it comes to through each platform, and through those used first."""
    offers = offers_of(settings)
    groups: Groups = defaultdict(Counter)
    for recipient in found.recipients:
        ways, _ = ways_of(offers, recipient.phone.e164[3:5], datetime.now(settings.zone))
        groups[ways][text] += 1
    return estimate_all(offers, groups, template=template, max_parts=settings.max_segments)


def _letters(shown: Preview) -> str:
    if shown.is_plain:
        return f"até {shown.letters} letras em cada SMS"
    return f"só {shown.letters} letras em cada SMS, pelos acentos ou sinais especiais"


def _refusal(facts: InvoiceFacts, settings: Settings) -> str | None:
    why = against_invoice(
        facts.status, facts.amount, allow_paid=settings.allow_paid, allow_zero=settings.allow_zero
    )
    return None if why is None else _REFUSED[why]


def _print_people(found: Candidates) -> None:
    table = Table("Telefone", "Nome", "Origem", "Situação")
    for recipient in found.recipients:
        table.add_row(recipient.phone.national, recipient.name, words.ORIGIN[recipient.origin], "recebe")
    for item in found.ignored:
        table.add_row(item.phone, "", "", f"não recebe: {words.IGNORED[item.reason]}")
    show_table(table)


def _price(text: str | None) -> Decimal | None:
    price = None if text is None else read_price(text)
    if text is not None and price is None:
        raise DisparoError("--custo-segmento deve ser um valor, por exemplo 0.08.")
    return price
