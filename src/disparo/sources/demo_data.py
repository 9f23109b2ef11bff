"""A small made-up register for a first look: every kind of phone and invoice, and the seed's two ids.

Names and numbers are invented; the one of invoice 50949 is the documentation's own sample.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from disparo.db import opt_outs
from disparo.db.customers import (
    ContactRow,
    CustomerRow,
    InvoiceRow,
    upsert_contacts,
    upsert_customers,
    upsert_invoices,
)
from disparo.db.pool import Connection
from disparo.domain.phone import parse_phone

_OPTED_OUT = "21987650006"
_CUSTOMERS = (
    # The documentation's customer: one mobile that may be used, so that its call makes three SMS.
    CustomerRow(12025, "MACIEL RODRIGUES", "MG", "37999931412"),
    CustomerRow(3108, "ANA LIMA", "MG", "31987650001", phone_2="3133334444"),
    CustomerRow(3109, "BRUNO COSTA", "SP", "1187650002"),  # registered without its ninth digit
    CustomerRow(3110, "CARLA DIAS", "SP", "1133334444"),  # a landline alone: nobody to send to
    CustomerRow(
        3111, "DIEGO ALVES", "RJ", "21987650004", phone_1_allowed=False
    ),  # permission withdrawn; a contact is left
    CustomerRow(3112, "ELIANE SOUZA", "RJ", _OPTED_OUT),
    CustomerRow(3113, "FABIO NUNES & CIA LTDA", "SP", "11987650007;11987650008", phone_2="00000000000"),
)
_CONTACTS = (
    ContactRow(501, 3111, "GABRIELA (FINANCEIRO)", "21987650005", sms_allowed=True),
    ContactRow(502, 3113, "HUGO", "11987650009", sms_allowed=False),
)
#: Made-up codes whose check digits hold.
_LINHA = "34191.09008 61713.957308 71444.640008 5 00000000008990"


async def add_demo_data(connection: Connection) -> None:
    """Store the data set in the caller's transaction; due dates are around today's."""
    today = date.today()  # noqa: DTZ011 - due dates are days of the calendar, of no zone
    await upsert_customers(connection, _CUSTOMERS)
    await upsert_contacts(connection, _CONTACTS)
    await upsert_invoices(connection, _invoices(today))
    await opt_outs.add(connection, parse_phone(_OPTED_OUT).e164, reason="asked", actor="demo")


def _invoices(today: date) -> list[InvoiceRow]:
    soon, late = today + timedelta(days=5), today - timedelta(days=10)
    return [
        InvoiceRow(11000, 12025, Decimal("99.90"), soon, link="https://faturas.example.com/f/11000"),
        InvoiceRow(50949, 12025, Decimal("1234.56"), soon, link="https://faturas.example.com/f/50949"),
        InvoiceRow(70215, 3108, Decimal("129.90"), late, link="https://faturas.example.com/f/70215"),
        InvoiceRow(70216, 3109, Decimal("89.90"), soon, linha_digitavel=_LINHA),
        InvoiceRow(70217, 3110, Decimal("79.90"), soon),
        InvoiceRow(70218, 3111, Decimal("149.90"), soon, link="https://faturas.example.com/f/70218"),
        InvoiceRow(70219, 3112, Decimal("59.90"), late),
        InvoiceRow(70220, 3113, Decimal("2499.00"), soon, link="https://faturas.example.com/f/70220"),
        InvoiceRow(70221, 3108, Decimal("129.90"), late, "paid", late + timedelta(days=1)),
        InvoiceRow(70222, 3109, Decimal("89.90"), soon, "cancelled"),
    ]
