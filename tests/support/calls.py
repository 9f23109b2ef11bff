"""The seed's call, and short ways to speak of calls and answers."""

from __future__ import annotations

SEED = '{"id_fatura":"11000", "telefone_adicional":["11988887777","1188887776"]}'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def count(house):
    return house.value("SELECT count(*) FROM messages"), house.value("SELECT count(*) FROM dispatches")


def phones(answer):
    return [phone["telefone"] for phone in answer.json["job"]["telefones"]]
