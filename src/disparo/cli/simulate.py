"""`disparo simular FATURA`: who would get it and what it would say; nothing is sent or stored."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer
from rich.table import Table

from disparo.cli.context import DataDir, with_connection
from disparo.cli.tables import show_table
from disparo.db import invoices, opt_outs, templates
from disparo.db.invoices import InvoiceFacts
from disparo.db.pool import Connection
from disparo.dispatch.preview import Preview, preview
from disparo.dispatch.rules import against_invoice
from disparo.domain.money import read_price
from disparo.domain.recipients import Candidates, drop, list_candidates
from disparo.domain.template import TemplateRefused, format_amount
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
        str | None, typer.Option(metavar="VALOR", help="Preço de um segmento, por exemplo 0.08.")
    ] = None,
    dados: DataDir = None,
) -> None:
    """Mostra destinatários, dispensados com o motivo, texto, segmentos e custo. Não envia nada."""
    settings = load_settings(data_dir=dados)
    price = _price(custo_segmento)

    async def work(connection: Connection) -> tuple[str | None, Candidates, Preview]:
        facts = (await invoices.read_facts(connection, [fatura])).get(fatura)
        rows = await invoices.read_texts(connection, [fatura])
        if facts is None or not rows:
            raise DisparoError(f"Fatura de ID {fatura} não encontrada.")
        candidates = list_candidates(facts.register, [])
        numbers = [recipient.phone.e164 for recipient in candidates.recipients]
        found = drop(candidates, opted_out=await opt_outs.among(connection, numbers))
        template = await templates.current(connection) or settings.template
        try:
            return _refusal(facts, settings), found, preview(rows[0], template, settings)
        except TemplateRefused as refused:
            raise DisparoError(refused.detail) from None

    refusal, found, shown = with_connection(dados, work)
    _print_people(found)
    if refusal is not None:
        print(f"Atenção: a fatura {refusal}; a chamada seria recusada.")
    print(f"\nTexto ({shown.segments} segmento(s), {_letters(shown)}):")
    print(f"  {shown.text}")
    total = shown.segments * len(found.recipients)
    cost = f", {format_amount(price * total)}" if price is not None else ""
    print(f"\nTotal: {len(found.recipients)} SMS, {total} segmento(s){cost}. Nada foi enviado.")


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
