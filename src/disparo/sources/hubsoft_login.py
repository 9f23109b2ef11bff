"""Logs in to HubSoft with our own credential; a token is used until it is nearly over, or was refused."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus

import aiohttp

from disparo.sources.base import SourceRefused
from disparo.sources.hubsoft_answers import TryLater, later_if_passing, lifetime_s, read_json, said_of
from disparo.sources.hubsoft_settings import HubsoftSettings

_TOKEN_MARGIN_S = 60.0
_NO_LOGIN = frozenset({400, 401, 403, 422})
#: Asked with a password that is wrong now for each message and call, it locks us out.
_REFUSED_FOR_S = 15.0


class _Wrong(SourceRefused):
    """The credential is not, or no longer, right."""

    def __init__(self) -> None:
        super().__init__("O HubSoft recusou as credenciais configuradas (hubsoft_...).")


class HubsoftLogin:
    """The token that one process has."""

    def __init__(self, settings: HubsoftSettings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()
        self._token: tuple[str, float] | None = None
        self._refused_until = float("-inf")

    async def authorization(self, session: aiohttp.ClientSession) -> str:
        """Give the header's value with which we are known there; raises TryLater or SourceRefused."""
        async with self._turn:
            if time.monotonic() < self._refused_until:
                raise _Wrong
            if self._token is None or time.monotonic() > self._token[1]:
                try:
                    self._token = await self._log_in(session)
                except _Wrong:
                    self._refused_until = time.monotonic() + _REFUSED_FOR_S
                    raise
            return self._token[0]

    def forget(self, authorization: str) -> None:
        """Log in anew next time, since this was refused; unless another call has done so meanwhile."""
        if self._token is not None and self._token[0] == authorization:
            self._token = None

    async def _log_in(self, session: aiohttp.ClientSession) -> tuple[str, float]:
        settings = self._settings
        body = {
            "grant_type": "password",
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
            "username": settings.username,
            "password": settings.password,
        }
        try:
            async with session.post(
                f"{settings.url}/oauth/token", json=body, allow_redirects=False
            ) as response:
                later_if_passing(response)
                if response.status in _NO_LOGIN:
                    raise _Wrong
                if response.status != HTTPStatus.OK:
                    raise SourceRefused(f"O HubSoft respondeu {response.status} a /oauth/token.")
                answer = await read_json(response)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise TryLater(said_of(error), None) from error
        if not isinstance(answer, dict) or "access_token" not in answer:
            raise _Wrong
        lives_s = max(0.0, lifetime_s(answer.get("expires_in")) - _TOKEN_MARGIN_S)
        return f"Bearer {answer['access_token']}", time.monotonic() + lives_s
