"""How failures of the panel look to a person: what happened, whether anything was done, and what to do."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, NamedTuple

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from disparo.auth.throttle import TooMany
from disparo.db.pool import TRANSIENT
from disparo.dispatch.group_commit import Busy, FateUnknown
from disparo.panel import sign_in
from disparo.panel.access import Forbidden, Forged, SignInNeeded
from disparo.panel.fields import Wrong
from disparo.panel.pages import render, see
from disparo.panel.routing import only_looks, page_above, page_before
from disparo.wording import words

#: More permissions than this, of which any would do, are no help to read.
_FEW = 2
_TELL = "Se continuar, avise quem administra o Disparo."
_MAKE_ROOM = "Avise quem administra o Disparo: até haver espaço no disco nada é gravado."


class _Ail(NamedTuple):
    """What keeps the database from its work; two remedies, the second where something may have been done."""

    title: str
    what: str
    remedy: str
    before_repeating: str


_SILENCE = _Ail(
    "Banco de dados fora de alcance",
    "O banco de dados não respondeu",
    f"Espere alguns segundos e tente de novo. {_TELL}",
    f"Espere alguns segundos, abra a página de novo e veja, antes de repetir. {_TELL}",
)
_FULL_DISK = _Ail(
    "Disco cheio",
    "O disco do banco de dados está cheio",
    _MAKE_ROOM,
    f"{_MAKE_ROOM} Depois abra a página de novo e veja, antes de repetir.",
)


def handlers() -> MutableMapping[Any, Any]:
    """Give the words for every failure there is."""
    return {
        SignInNeeded: _sign_in_needed,
        Forbidden: _forbidden,
        Forged: _forged,
        Wrong: _wrong,
        TooMany: _too_many,
        ClientDisconnect: _gone,
        HTTPException: _http,
        Exception: _fault,
        FateUnknown: _fate_unknown,
        Busy: _busy,
        **dict.fromkeys(TRANSIENT, _no_answer),
    }


async def _sign_in_needed(request: Request, _error: SignInNeeded) -> Response:
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": sign_in.address_for(request)})
    return RedirectResponse(sign_in.address_for(request), status_code=303)


async def _forbidden(request: Request, error: Forbidden) -> Response:
    what = "O seu usuário não tem permissão para isto"
    if 0 < len(error.any_of) <= _FEW:
        what += f": falta “{'” ou “'.join(words.PERMISSION[name] for name in error.any_of)}”"
    return _failure(
        request,
        403,
        "Sem permissão",
        f"{what}.",
        "Peça a quem administra o Disparo que a acrescente em Usuários.",
    )


async def _forged(request: Request, _error: Forged) -> Response:
    return _failure(
        request,
        403,
        "Esta página envelheceu",
        "Nada foi feito: o formulário era de uma sessão anterior ou não veio deste painel.",
        "Abra a página de novo e repita.",
    )


async def _wrong(request: Request, error: Wrong) -> Response:
    title, remedy = "Confira o que foi preenchido", "Volte, corrija e repita."
    return _failure(request, 422, title, str(error), remedy, back=page_before(request))


async def _too_many(request: Request, error: TooMany) -> Response:
    return _failure(
        request,
        429,
        "Tentativas demais",
        "Houve tentativas demais em pouco tempo.",
        f"Espere {words.several(error.wait_s, 'segundo', 'segundos')} e tente de novo.",
        **{"Retry-After": str(error.wait_s)},
    )


async def _gone(_request: Request, _error: ClientDisconnect) -> Response:
    """Nobody is there to read it; what is counted is no fault of ours."""
    return Response(status_code=499)


async def _http(request: Request, error: HTTPException) -> Response:
    if error.status_code == 405 and only_looks(request):  # noqa: PLR2004 - HTTP's own
        return see(page_above(request))
    what, remedy = {
        404: ("Esta página não existe.", "Confira o endereço ou comece pelo Início."),
        405: ("Este endereço não é uma página.", "Comece pelo Início."),
        413: ("O que foi enviado é grande demais.", "Divida em partes menores."),
    }.get(error.status_code, ("O pedido não pôde ser lido.", "Abra a página de novo e repita."))
    title = "Não encontrado" if error.status_code == 404 else "Pedido recusado"  # noqa: PLR2004 - so
    return _failure(request, error.status_code, title, what, remedy, **dict(error.headers or {}))


async def _busy(request: Request, error: Exception) -> Response:
    """Nothing was stored, for certain."""
    ails = _what_ails(error)
    return _later(request, error, f"{ails.what}; nada foi alterado.", ails.remedy)


async def _no_answer(request: Request, error: Exception) -> Response:
    """A COMMIT may have happened, of which only its answer was lost, where a form's work had begun."""
    if request.method == "POST" and not getattr(request.state, "may_have_changed", False):
        return await _busy(request, error)
    ails = _what_ails(error)
    if request.method == "POST":
        what = f"{ails.what}: o que você pediu pode ter sido feito ou não."
        return _later(request, error, what, ails.before_repeating)
    return _later(request, error, f"{ails.what}: esta página não pôde ser montada.", ails.remedy)


def _what_ails(error: Exception) -> _Ail:
    return _FULL_DISK if isinstance(error.__cause__ or error, asyncpg.DiskFullError) else _SILENCE


def _later(request: Request, error: Exception, what: str, remedy: str) -> Response:
    _name_for_the_log(request, error)
    return _failure(request, 503, _what_ails(error).title, what, remedy, **{"Retry-After": "2"})


async def _fate_unknown(request: Request, error: Exception) -> Response:
    _name_for_the_log(request, error)
    return _failure(
        request,
        503,
        _SILENCE.title,
        "O banco de dados parou de responder enquanto gravava: não se sabe se o disparo foi criado.",
        "Espere um minuto e recarregue esta página, confirmando o reenvio: o mesmo disparo nunca é criado "
        f"duas vezes. Se a fechar, veja em Disparos se ele está lá antes de simular de novo. {_TELL}",
        back="",
    )


def _name_for_the_log(request: Request, error: Exception) -> None:
    request.state.error = type(error.__cause__ or error).__name__  # for the request's line


async def _fault(request: Request, _error: Exception) -> Response:
    code = getattr(request.state, "request_id", "")
    return _failure(
        request,
        500,
        "Erro interno",
        "O programa falhou ao montar esta página.",
        f"Informe a quem administra o Disparo o código {code}.",
    )


def _failure(
    request: Request,
    status: int,
    title: str,
    what: str,
    remedy: str,
    *,
    back: str | None = None,
    **headers: str,
) -> Response:
    """Say it; `back`: where a button leads, if not said a form's own page: what was typed is there again."""
    if back is None and not only_looks(request):
        back = page_before(request)
    shown = {"title": title, "what": what, "remedy": remedy, "back": back}
    answer = render(request, "erro.html", status=status, again="", **shown)
    answer.headers.update(headers)
    return answer
