"""psql and pg_dump reach the server that we reach, whichever way its address is written."""

from __future__ import annotations

import os

import pytest

from disparo.db.libpq import client_environment, libpq_environment


@pytest.mark.parametrize(
    ("address", "means"),
    [
        ("u:p%40@h/db", {"PGHOST": "h", "PGUSER": "u", "PGPASSWORD": "p@", "PGDATABASE": "db"}),
        ("u@h", {"PGHOST": "h", "PGUSER": "u"}),
        ("u@[::1]:5/db", {"PGHOST": "::1", "PGPORT": "5", "PGUSER": "u", "PGDATABASE": "db"}),
        ("u@/db?host=/run/pg", {"PGHOST": "/run/pg", "PGUSER": "u", "PGDATABASE": "db"}),
        ("u@%2Frun%2Fpg:5/db", {"PGHOST": "/run/pg", "PGPORT": "5", "PGUSER": "u", "PGDATABASE": "db"}),
        ("u@a:1,b:2/db", {"PGHOST": "a,b", "PGPORT": "1,2", "PGUSER": "u", "PGDATABASE": "db"}),
        ("u@a:1,b/db", {"PGHOST": "a,b", "PGPORT": "1,", "PGUSER": "u", "PGDATABASE": "db"}),
        (
            "?host=h&port=5&user=u&dbname=db",
            {"PGHOST": "h", "PGPORT": "5", "PGUSER": "u", "PGDATABASE": "db"},
        ),
        (
            "h/db?sslmode=verify-full&sslcert=/c&sslkey=/k",
            {
                "PGHOST": "h",
                "PGDATABASE": "db",
                "PGSSLMODE": "verify-full",
                "PGSSLCERT": "/c",
                "PGSSLKEY": "/k",
            },
        ),
    ],
)
def test_an_address_as_libpqs_variables(address, means):
    assert libpq_environment(f"postgresql://{address}") == means


def test_what_else_is_set_for_libpq_leads_nowhere_else(monkeypatch):
    """Either wins over the address: a restore would go into another database."""
    for name in ("PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PGPASSFILE", "/root/.pgpass")
    made = client_environment("postgresql://u:p@/db?host=/run/pg")
    assert (made["PGHOST"], made["PGPASSFILE"], made["PATH"]) == (
        "/run/pg",
        "/root/.pgpass",
        os.environ["PATH"],
    )
    assert not {"PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR"} & set(made)
