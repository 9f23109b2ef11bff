"""Shapes of the OpenAPI document that all routes share; the answers themselves are built by hand."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel


class Refused(BaseModel):
    """O envelope de toda recusa."""

    status: Literal["error"]
    msg: str
    errors: list[str]


class TooManyRequests(Refused):
    """Chamadas demais."""

    retry_after: int


class InternalError(Refused):
    """Falha interna."""

    request_id: str


class UnauthenticatedBody(BaseModel):
    """O token falta, venceu ou foi revogado."""

    error: str
    message: str


class TokenPair(BaseModel):
    """Um par de tokens."""

    token_type: Literal["Bearer"]
    expires_in: int
    access_token: str
    refresh_token: str


class OAuthError(BaseModel):
    """Uma recusa de /oauth/token."""

    error: str
    error_description: str
    message: str
    hint: str | None = None


Responses = dict[int | str, dict[str, Any]]

#: What comes with an answer that asks to wait.
WAIT: dict[str, Any] = {
    "Retry-After": {"description": "Segundos até tentar de novo", "schema": {"type": "integer"}}
}
#: Every route behind a token may answer these.
COMMON: Responses = {
    401: {
        "model": UnauthenticatedBody,
        "description": "Token ausente, inválido, vencido ou revogado",
        "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
    },
    403: {"model": Refused, "description": "O usuário não tem a permissão"},
    429: {"model": TooManyRequests, "description": "Chamadas demais", "headers": WAIT},
    500: {"model": InternalError, "description": "Falha interna"},
    503: {
        "model": Refused,
        "description": "Momentaneamente indisponível; nada foi agendado",
        "headers": WAIT,
    },
}
#: Of routes that change something, and may be called again without harm.
REPEATABLE: Responses = {
    503: {
        "model": Refused,
        "description": "Momentaneamente indisponível; o pedido pode ter sido gravado, e pode ser repetido",
        "headers": WAIT,
    },
}
#: Of those that read a body, as lookups do too.
TOO_LARGE: Responses = {413: {"model": Refused, "description": "Corpo grande demais"}}
WITH_BODY: Responses = {
    **COMMON,
    **TOO_LARGE,
    415: {"model": Refused, "description": "Formato do corpo não suportado"},
}
OAUTH_RESPONSES: Responses = {
    200: {"model": TokenPair, "description": "Um par de tokens"},
    400: {"model": OAuthError, "description": "Pedido incompleto"},
    401: {"model": OAuthError, "description": "Cliente, usuário, senha ou refresh token incorreto"},
    413: {"model": OAuthError, "description": "Corpo grande demais"},
    415: {"model": OAuthError, "description": "Formato do corpo não suportado"},
    429: {"model": TooManyRequests, "description": "Chamadas demais", "headers": WAIT},
    500: {"model": InternalError, "description": "Falha interna"},
    503: {"model": Refused, "description": "Momentaneamente indisponível", "headers": WAIT},
}


#: Of routes that take an Idempotency-Key.
KEY_IN_USE: dict[str, Any] = {
    "model": Refused,
    "description": "Uma chamada com a mesma Idempotency-Key está em andamento",
    "headers": WAIT,
}
REPLAYED: dict[str, Any] = {
    "Idempotent-Replayed": {
        "description": "true: é a resposta da primeira chamada com esta Idempotency-Key",
        "schema": {"const": "true"},
    }
}


def body_of(properties: dict[str, Any], required: list[str], *, body_required: bool = True) -> dict[str, Any]:
    """Describe a body that is read by hand: the same fields as JSON, urlencoded or multipart."""
    schema = {"type": "object", "properties": properties, "required": required}
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    content = {kind: {"schema": schema} for kind in kinds}
    return {"requestBody": {"required": body_required, "content": content}}


def json_body_of(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """Describe a body that a form cannot hold."""
    schema = {"type": "object", "properties": properties, "required": required}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


TOKEN_BODY = body_of(
    {
        "grant_type": {"type": "string", "enum": ["password", "refresh_token"]},
        "client_id": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        "client_secret": {"type": "string"},
        "username": {"type": "string", "description": "O e-mail do usuário (grant_type password)"},
        "password": {"type": "string"},
        "refresh_token": {"type": "string", "description": "Só para grant_type refresh_token"},
    },
    ["grant_type", "client_id", "client_secret"],
)
