"""A small register in which every kind of lookup finds something, always the same."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import asyncpg

from disparo.db.customers import CustomerRow, InvoiceRow, upsert_customers, upsert_invoices

LINHA = "34191.09008 61713.957308 71444.640008 4 00000000008990"
_HOUSE = {
    "street": "RUA GOIÁS",
    "number": "86",
    "complement": "APTO 101",
    "district": "PORTO VELHO",
    "zip": "35500-000",
    "uf": "MG",
    "city": "Divinópolis",
}
_SERVICE = {
    "id": 11201,
    "plan_id": 100,
    "plan_number": 1,
    "name": "400 MEGA",
    "price": 119.9,
    "status_code": "servico_habilitado",
    "activated_on": "2020-02-03",
    "technology": "FIBRA",
    "login": "joao.conceicao",
    "ipv4": "10.99.2.203",
    "mac": "AA:BB:CC:00:11:22",
    "devices": {
        "interface": {"name": "PON5", "kind": "gpon"},
        "access": {"name": "OLT CENTRO", "ipv4": "192.168.2.100"},
    },
    "addresses": {
        "installation": {**_HOUSE, "street": "RUA MINAS GERAIS", "latitude": -20.08, "longitude": -45.29}
    },
}
_CANCELLED = {"id": 11202, "plan_number": 2, "name": "TV", "price": 20, "status_code": "cancelado"}


def customers() -> list[CustomerRow]:
    day = datetime(2017, 8, 5, 10, 20, 30)
    return [
        {
            "id": 1001,
            "name": "JOÃO DA CONCEIÇÃO",
            "code": 421,
            "trade_name": "MERCADO ÁGUA",
            "cpf_cnpj": "10682083681",
            "uf": "MG",
            "phone_1": "37999931412",
            "phone_2": "(37) 3214-0000",
            "email_1": "Joao@Example.com",
            "birth_date": date(1969, 12, 31),
            "registered_at": day,
            "uuid": "5a2bb8f3-0000-4000-8000-000000000001",
            "external_id": "ERP-77",
            "services": [_SERVICE, _CANCELLED],
            "addresses": {"registered": _HOUSE},
        },
        {
            "id": 1002,
            "name": "EMPRESA 100% BOA_VISTA LTDA",
            "cpf_cnpj": "12345678000195",
            "uf": "SP",
            "phone_1": "1187650002",
            "registered_at": datetime(2019, 1, 2, 3, 4, 5),
            "services": [{"id": 11300, "name": "LINK", "status_code": "suspenso_debito"}],
        },
        {
            "id": 1003,
            "name": "ANA JOANA",
            "phone_1": "21987650004;21987650005",
            "email_2": "ana@example.com",
            "registered_at": datetime(2021, 6, 7, 8, 9, 10),
            "active": False,
        },
        {"id": 1004, "name": "ZÉ", "code": 9, "registered_at": datetime(2022, 1, 1)},
    ]


def invoices() -> list[InvoiceRow]:
    def invoice(id_: int, customer_id: int, amount: str, due: date) -> InvoiceRow:
        return {
            "id": id_,
            "customer_id": customer_id,
            "amount": Decimal(amount),
            "due_date": due,
            "registered_on": date(2020, 1, 1),
        }

    return [
        invoice(5001, 1001, "99.90", date(2020, 4, 5))
        | {
            "linha_digitavel": LINHA,
            "pix": "00020126PIX",
            "link": "https://faturas.example.com/5001",
            "details": {
                "service_id": 11202,
                "our_number": "274764",
                "our_number_digit": "0274764-0",
                "document_number": 77,
                "charge_type": "boleto_bancario",
                "wallet": "109",
                "kind": "DM",
                "accept": "N",
                "beneficiary_code": "0001/12345-6",
                "payment_place": "Qualquer banco",
                "document_date": "2020-03-01",
                "processed_on": "2020-03-02",
                "items": [{"id": 8, "description": "400 MEGA", "amount": 99.9}],
            },
        },
        invoice(5002, 1001, "119.90", date(2199, 4, 5)),
        invoice(5003, 1001, "50", date(2020, 4, 6))
        | {"status": "paid", "paid_at": date(2020, 4, 7), "paid_amount": Decimal("51.25")},
        invoice(5004, 1001, "10", date(2020, 4, 6)) | {"status": "cancelled"},
        invoice(5005, 1002, "0", date(2020, 4, 8)),
        invoice(5006, 1003, "33.33", date(2020, 4, 9)) | {"status": "paid", "paid_at": date(2020, 4, 9)},
    ]


async def fill(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        await connection.execute("TRUNCATE customers CASCADE")
        await upsert_customers(connection, customers())
        await upsert_invoices(connection, invoices())
