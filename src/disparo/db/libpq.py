"""Gives an address of a database as psql and pg_dump take it: in their environment."""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, unquote, urlsplit

#: The parts of an address, by libpq's variables.
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
#: With libpq these win over the variables above; we ourselves would not follow them.
_STRONGER = frozenset({"PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR"})
_HOST = re.compile(r"\[?(?P<host>[^\[\]]*?)\]?(?::(?P<port>\d*))?")


def libpq_environment(dsn: str) -> dict[str, str]:
    """Give a DSN as variables for psql and pg_dump: a command line would show its password to all."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    hosts = [_HOST.fullmatch(each) for each in parts.netloc.rpartition("@")[2].split(",")]
    ports = [each["port"] or "" for each in hosts if each]
    there = {
        "host": ",".join(unquote(each["host"]) for each in hosts if each),
        "port": ",".join(ports) if any(ports) else "",
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "dbname": unquote(parts.path.lstrip("/")),
    }
    found = {variable: there.get(name) or query.get(name) for name, variable in _VARIABLES.items()}
    return {variable: value for variable, value in found.items() if value}


def client_environment(dsn: str) -> dict[str, str]:
    """Give the environment in which psql and pg_dump reach this DSN, whatever is set for them here."""
    kept = {name: value for name, value in os.environ.items() if name not in _STRONGER}
    return {**kept, **libpq_environment(dsn)}
