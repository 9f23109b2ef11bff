"""The shape of many senders: Flask writes a row and publishes a task, a Celery worker reads it and POSTs.

Runs in a venv of its own (bench/peer_celery.py), where nothing of ours is installed.
"""

from __future__ import annotations

import os
import threading
import uuid
from typing import Any

import psycopg
import requests
from celery import Celery
from flask import Flask, request

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
    connection.execute(
        "INSERT INTO notifications (id, invoice_id, phone, body, status) VALUES (%s, %s, %s, %s, 'created')",
        (number, int(wanted["id_fatura"]), "+5511988887777", "Fatura de R$ 99,90 vence em 30/11/2026"),
    )
    connection.commit()
    deliver.delay(number)
    return {"id": number}, 201


@tasks.task
def deliver(number: str) -> None:
    connection = database()
    row = connection.execute("SELECT phone, body FROM notifications WHERE id = %s", (number,)).fetchone()
    connection.rollback()
    if row is None:
        return
    if getattr(_mine, "session", None) is None:
        _mine.session = requests.Session()
    _mine.session.post(
        os.environ["BENCH_PLATFORM"], data={"to": row[0], "text": row[1], "ref": number}, timeout=10
    ).raise_for_status()
    connection.execute("UPDATE notifications SET status = 'sent', sent_at = now() WHERE id = %s", (number,))
    connection.commit()
