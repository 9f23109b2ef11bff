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
_CUSTOMERS: tuple[CustomerRow, ...] = (
    # The documentation's customer: one mobile that may be used, so that its call makes three SMS.
    {"id": 12025, "name": "MACIEL RODRIGUES", "uf": "MG", "phone_1": "37999931412"},
    {"id": 3108, "name": "ANA LIMA", "uf": "MG", "phone_1": "31987650001", "phone_2": "3133334444"},
    # Registered without its ninth digit.
    {"id": 3109, "name": "BRUNO COSTA", "uf": "SP", "phone_1": "1187650002"},
    # A landline alone: nobody to send to.
    {"id": 3110, "name": "CARLA DIAS", "uf": "SP", "phone_1": "1133334444"},
    # Permission withdrawn; a contact is left.
    {"id": 3111, "name": "DIEGO ALVES", "uf": "RJ", "phone_1": "21987650004", "phone_1_allowed": False},
    {"id": 3112, "name": "ELIANE SOUZA", "uf": "RJ", "phone_1": _OPTED_OUT},
    {
        "id": 3113,
        "name": "FABIO NUNES & CIA LTDA",
        "uf": "SP",
        "phone_1": "11987650007;11987650008",
        "phone_2": "00000000000",
    },
)
_CONTACTS: tuple[ContactRow, ...] = (
    {
        "id": 501,
        "customer_id": 3111,
        "name": "GABRIELA (FINANCEIRO)",
        "phone": "21987650005",
        "sms_allowed": True,
    },
    {"id": 502, "customer_id": 3113, "name": "HUGO", "phone": "11987650009", "sms_allowed": False},
)
#: Made-up codes whose check digits hold.
_LINHA = "34191.09008 61713.957308 71444.640008 4 00000000008990"


async def add_demo_data(connection: Connection) -> None:
    """Store the data set in the caller's transaction; due dates are around today's."""
    today = date.today()  # noqa: DTZ011 - due dates are days of the calendar, of no zone
    await upsert_customers(connection, _CUSTOMERS)
    await upsert_contacts(connection, _CONTACTS)
    await upsert_invoices(connection, _invoices(today))
    await opt_outs.add(connection, parse_phone(_OPTED_OUT).e164, reason="asked", actor="demo")


async def retire_demo_data(connection: Connection) -> int:
    """Cancel the made-up invoices: their numbers may be somebody's. Gives how many were open."""
    names = {customer["id"]: customer["name"] for customer in _CUSTOMERS}
    made_up = [(row["id"], row["customer_id"]) for row in _invoices(date.min + timedelta(days=30))]
    rows = await connection.fetch(
        """UPDATE invoices i SET status = 'cancelled'
           FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS d (id, customer_id, name)
           JOIN customers c ON c.id = d.customer_id AND c.name = d.name
           WHERE i.id = d.id AND i.customer_id = c.id AND i.status = 'open' RETURNING i.id""",
        [id_ for id_, _ in made_up],
        [customer_id for _, customer_id in made_up],
        [names[customer_id] for _, customer_id in made_up],
    )
    return len(rows)


def _invoices(today: date) -> list[InvoiceRow]:
    soon, late = today + timedelta(days=5), today - timedelta(days=10)
    links = "https://faturas.example.com/f/"

    def invoice(id_: int, customer_id: int, amount: str, due_date: date) -> InvoiceRow:
        return {"id": id_, "customer_id": customer_id, "amount": Decimal(amount), "due_date": due_date}

    return [
        invoice(11000, 12025, "99.90", soon) | {"link": f"{links}11000"},
        invoice(50949, 12025, "1234.56", soon) | {"link": f"{links}50949"},
        invoice(70215, 3108, "129.90", late) | {"link": f"{links}70215"},
        invoice(70216, 3109, "89.90", soon) | {"linha_digitavel": _LINHA},
        invoice(70217, 3110, "79.90", soon),
        invoice(70218, 3111, "149.90", soon) | {"link": f"{links}70218"},
        invoice(70219, 3112, "59.90", late),
        invoice(70220, 3113, "2499.00", soon) | {"link": f"{links}70220"},
        invoice(70221, 3108, "129.90", late) | {"status": "paid", "paid_at": late + timedelta(days=1)},
        invoice(70222, 3109, "89.90", soon) | {"status": "cancelled"},
    ]
