"""The shape of many senders: Flask writes a row and publishes a task, a Celery worker reads it and POSTs.

Runs in a venv of its own (bench/peer_celery.py), where nothing of ours is installed. With BENCH_TABLE=lean it
has the small table of bench/celery_schema.py and a text that is ready when it is taken; with `notify` the
large one, and the text is made from the template's values when it is sent. Either way: SELECT, POST, one
UPDATE and its commit.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

import psycopg
import requests
from celery import Celery
from flask import Flask, request

PHONE, SERVICE, TEMPLATE = "+5511988887777", str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
VALUES = {"valor": "99,90", "vencimento": "30/11/2026"}

tasks = Celery("bench", broker=os.environ["BENCH_BROKER"])
tasks.conf.update(task_ignore_result=True, task_default_queue="sms", broker_connection_retry_on_startup=True)
web = Flask(__name__)
_mine = threading.local()


def database() -> psycopg.Connection[Any]:
    if getattr(_mine, "connection", None) is None:
        _mine.connection = psycopg.connect(os.environ["BENCH_DSN"])
    return _mine.connection


@web.post("/sms")
def accept() -> tuple[dict[str, str], int]:
    wanted = request.get_json()
    number = str(uuid.uuid4())
    connection = database()
    insert(connection, number, int(wanted["id_fatura"]))
    connection.commit()
    deliver.delay(number)
    return {"id": number}, 201


@tasks.task
def deliver(number: str) -> None:
    connection = database()
    found = select(connection, number)
    connection.rollback()
    if found is None:
        return
    if getattr(_mine, "session", None) is None:
        _mine.session = requests.Session()
    phone, text = found
    _mine.session.post(
        os.environ["BENCH_PLATFORM"], data={"to": phone, "text": text, "ref": number}, timeout=10
    ).raise_for_status()
    mark_sent(connection, number)
    connection.commit()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


class Notify:
    @staticmethod
    def insert(connection: psycopg.Connection[Any], number: str, invoice: int) -> None:
        connection.execute(
            'INSERT INTO notifications (id, "to", normalised_to, service_id, template_id, template_version,'
            " key_type, notification_type, created_at, status, client_reference, personalisation,"
            " reply_to_text)"
            " VALUES (%s, %s, %s, %s, %s, 1, 'normal', 'sms', %s, 'created', %s, %s, 'FATURA')",
            (number, PHONE, PHONE, SERVICE, TEMPLATE, _now(), f"fatura-{invoice}", json.dumps(VALUES)),
        )

    @staticmethod
    def select(connection: psycopg.Connection[Any], number: str) -> tuple[str, str] | None:
        row = connection.execute(
            "SELECT normalised_to, personalisation, reply_to_text, status FROM notifications WHERE id = %s",
            (number,),
        ).fetchone()
        if row is None or row[3] != "created":
            return None
        values = json.loads(row[1])
        return row[0], f"Fatura de R$ {values['valor']} vence em {values['vencimento']}"

    @staticmethod
    def mark_sent(connection: psycopg.Connection[Any], number: str) -> None:
        connection.execute(
            "UPDATE notifications SET status = 'sending', sent_at = %s, sent_by = 'ensaio',"
            " billable_units = 1, updated_at = %s WHERE id = %s",
            (_now(), _now(), number),
        )


class Lean:
    @staticmethod
    def insert(connection: psycopg.Connection[Any], number: str, invoice: int) -> None:
        connection.execute(
            "INSERT INTO notifications (id, invoice_id, phone, body, status)"
            " VALUES (%s, %s, %s, %s, 'created')",
            (number, invoice, PHONE, "Fatura de R$ 99,90 vence em 30/11/2026"),
        )

    @staticmethod
    def select(connection: psycopg.Connection[Any], number: str) -> tuple[str, str] | None:
        row = connection.execute("SELECT phone, body FROM notifications WHERE id = %s", (number,)).fetchone()
        return row and (row[0], row[1])

    @staticmethod
    def mark_sent(connection: psycopg.Connection[Any], number: str) -> None:
        connection.execute(
            "UPDATE notifications SET status = 'sent', sent_at = now() WHERE id = %s", (number,)
        )


_table = {"notify": Notify, "lean": Lean}[os.environ["BENCH_TABLE"]]
insert, select, mark_sent = _table.insert, _table.select, _table.mark_sent
