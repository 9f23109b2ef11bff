"""The files a page loads: each under a name that holds its digest, so that browsers keep it for ever."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

PREFIX = "/painel/estatico/"
_KINDS = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_NAMES = (
    "vendor/tabler.min.css",
    "vendor/htmx.min.js",
    "vendor/chart.umd.min.js",
    "icones.svg",
    "marca.svg",
    "painel.css",
    "sem-script.css",
    "painel.js",
    "rascunhos.js",
    "tema.js",
    "grafico.js",
)
_FOREVER = "public, max-age=31536000, immutable"


@cache
def url_of(name: str) -> str:
    """Give the address of one of the panel's own files."""
    stem, _, kind = name.rpartition("/")[2].rpartition(".")
    return f"{PREFIX}{stem}-{hashlib.sha256(_read(name)).hexdigest()[:16]}.{kind}"


async def serve(request: Request) -> Response:
    """Serve a file by its exact address: there is no way from an address to any other file."""
    name = _by_url().get(PREFIX + request.path_params["name"])
    if name is None:
        raise HTTPException(404)
    headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    if zipped:
        headers["Content-Encoding"] = "gzip"
    body = _zipped(name) if zipped else _read(name)
    return Response(body, media_type=_KINDS[name.rpartition(".")[2]], headers=headers)


def load() -> None:
    """Read all of them now."""
    _by_url()


@cache
def _by_url() -> dict[str, str]:
    return {url_of(name): name for name in _NAMES}


@cache
def _read(name: str) -> bytes:
    return (files("disparo.panel") / "static" / name).read_bytes()


@cache
def _zipped(name: str) -> bytes:
    return gzip.compress(_read(name), 9, mtime=0)
