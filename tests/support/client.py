"""A plain HTTP client for tests: what goes in and out is exactly what is written here."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

SEND = "/api/v1/integracao/cliente/financeiro/enviar_sms"
DISPATCH = "/api/v1/integracao/disparo"
OPT_OUT = "/api/v1/integracao/sms/descadastro"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Client:
    base: str
    token: str | None = None
    defaults: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """`body`: bytes or text as they are; anything else as JSON. A header that is None is left out."""
        sent = dict(self.defaults)
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, bytes | str):
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        sent = {name: value for name, value in sent.items() if value is not None}
        data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
        parts = urlsplit(self.base)
        if parts.scheme == "https":
            context = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=90, context=context)
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=90)
        try:
            connection.request(method, path, body=data, headers=sent)
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def get(self, path: str, **kwargs: Any) -> Answer:
        return self.call("GET", path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Answer:
        return self.call("POST", path, body, **kwargs)

    def send(self, body: Any, **kwargs: Any) -> Answer:
        return self.post(SEND, body, **kwargs)
