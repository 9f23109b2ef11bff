"""The panel as an application of its own: its routes."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from disparo.auth.permissions import Permission
from disparo.panel import (
    api_clients,
    assets,
    attention,
    audit,
    create_dispatch,
    dispatches,
    failures,
    home,
    imports,
    message,
    messages,
    new_dispatch,
    opt_outs,
    own_password,
    platforms,
    replies,
    search,
    sign_in,
    template,
    users,
)
from disparo.panel.access import ANY, Page, page
from disparo.panel.headers import with_headers
from disparo.panel.pages import load_pages
from disparo.panel.routing import Named
from disparo.panel.services import PanelServices
from disparo.sources import xlsx_tables

_BODY_LIMIT = 65_536
_SENDERS = (Permission.SEND, Permission.SEND_BULK)


class Panel:
    """Serves `/` and `/painel`; `open` gives it what it works with before the first request."""

    def __init__(self) -> None:
        self._app = Starlette(routes=routes(), exception_handlers=failures.handlers())
        self._app.router.redirect_slashes = False

    def open(self, services: PanelServices) -> None:
        """Give the panel what a server process has."""
        self._app.state.services = services

    def load(self) -> None:
        """Read now what pages are made of, and load what reads uploads."""
        load_pages()
        xlsx_tables.load()

    def serves(self, path: str) -> bool:
        """Tell whether an address is the panel's."""
        return path in ("/", "/painel") or path.startswith("/painel/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await with_headers(self._app, scope, receive, send)


def routes() -> list[Route]:
    """Give every page and form there is."""
    return [
        Named("/", _to_panel),
        Named("/painel/", _to_panel),
        Named(assets.PREFIX + "{name}", assets.serve),
        Named("/painel/entrar", sign_in.show),
        Named("/painel/entrar", sign_in.sign_in, methods=["POST"], limit=_BODY_LIMIT),
        _form("/painel/sair", sign_in.sign_out),
        _form("/painel/tema", sign_in.change_theme),
        _page("/painel/senha", own_password.show),
        _form("/painel/senha", own_password.change),
        _page("/painel", home.show),
        _page("/painel/hoje", home.show_today),
        _page("/painel/buscar", search.show, *ANY),
        *_of_dispatches(),
        _page("/painel/incertas", attention.show_uncertain, *ANY),
        _form("/painel/incertas", attention.settle_uncertain, *_SENDERS),
        _page("/painel/retidas", attention.show_held, *ANY),
        _form("/painel/retidas", attention.settle_held, *_SENDERS, Permission.CANCEL, Permission.ADMIN),
        _page("/painel/respostas", replies.show, *ANY),
        _form("/painel/respostas", replies.show_texts, Permission.VIEW_TEXT, changes=False),
        _page("/painel/plataformas", platforms.show, *ANY),
        _file("/painel/plataformas/extrato.csv", platforms.show_statement, *ANY),
        _page("/painel/plataformas/{name}/saldo", platforms.show_credit, *ANY),
        _form("/painel/plataformas/{name}/pausar", platforms.pause, Permission.ADMIN),
        _form("/painel/plataformas/{name}/retomar", platforms.resume, Permission.ADMIN),
        _form("/painel/plataformas/{name}/testar", platforms.test, Permission.ADMIN),
        _page("/painel/descadastros", opt_outs.show, *ANY),
        _file("/painel/descadastros.csv", opt_outs.show_csv, *ANY),
        _form("/painel/descadastros", opt_outs.add, *_SENDERS),
        _form("/painel/descadastros/remover", opt_outs.remove, Permission.REMOVE_OPT_OUT),
        _page("/painel/importar", imports.show, Permission.REGISTER),
        _form(
            "/painel/importar", imports.check, Permission.REGISTER, limit=imports.BODY_LIMIT, changes=False
        ),
        _form("/painel/importar/gravar", imports.store, Permission.REGISTER),
        _form("/painel/importar/recusadas", imports.show_refused, Permission.REGISTER, changes=False),
        *_of_messages(),
        *_administration(),
    ]


def _of_dispatches() -> list[Route]:
    new, limit = "/painel/disparos/novo", new_dispatch.BODY_LIMIT
    return [
        _page("/painel/disparos", dispatches.show, *ANY),
        _form("/painel/disparos", create_dispatch.create, *_SENDERS, limit=limit),
        _page(new, new_dispatch.show, *_SENDERS),
        _form(new, new_dispatch.simulate, *_SENDERS, limit=limit, changes=False),
        _form(f"{new}/fora.csv", new_dispatch.show_left_out, *_SENDERS, limit=limit, changes=False),
        _page("/painel/disparos/{id}", dispatches.show_one, *ANY),
        _file("/painel/disparos/{id}/progresso", dispatches.show_progress, *ANY),
        _file("/painel/disparos/{id}/mensagens.csv", dispatches.show_csv, *ANY),
        _form("/painel/disparos/{id}/cancelar", dispatches.withdraw, Permission.CANCEL),
        _form("/painel/disparos/{id}/pausar", dispatches.pause, Permission.SEND_BULK),
        _form("/painel/disparos/{id}/retomar", dispatches.resume, Permission.SEND_BULK),
    ]


def _of_messages() -> list[Route]:
    return [
        _page("/painel/mensagens", messages.show, *ANY),
        _file("/painel/mensagens.csv", messages.show_csv, *ANY),
        _page("/painel/mensagens/{id}", message.show, *ANY),
        _form("/painel/mensagens/{id}/texto", message.show_text, Permission.VIEW_TEXT, changes=False),
        _form("/painel/mensagens/{id}/confirmacoes", message.show_raw, Permission.VIEW_TEXT, changes=False),
        _form("/painel/mensagens/{id}/reenviar", message.resend, Permission.SEND),
        _form("/painel/mensagens/{id}/dar-como-enviada", message.give_as_sent, Permission.SEND),
        _form("/painel/mensagens/{id}/liberar", message.release, Permission.SEND),
        _form("/painel/mensagens/{id}/cancelar", message.withdraw, Permission.CANCEL),
    ]


def _administration() -> list[Route]:
    admin = Permission.ADMIN
    return [
        _page("/painel/modelo", template.show, admin),
        _form("/painel/modelo", template.save, admin),
        _form("/painel/modelo/previa", template.show_preview, admin, changes=False),
        _page("/painel/usuarios", users.show, admin),
        _form("/painel/usuarios", users.create, admin),
        _form("/painel/usuarios/{id}/permissoes", users.change, admin),
        _form("/painel/usuarios/{id}/desativar", users.revoke, admin),
        _form("/painel/usuarios/{id}/reativar", users.restore, admin),
        _form("/painel/usuarios/{id}/tokens", users.revoke_tokens, admin),
        _form("/painel/usuarios/{id}/senha", users.renew_password, admin),
        _page("/painel/clientes-api", api_clients.show, admin),
        _form("/painel/clientes-api", api_clients.create, admin),
        _form("/painel/clientes-api/{id}/desativar", api_clients.revoke, admin),
        _form("/painel/clientes-api/{id}/tokens", api_clients.revoke_tokens, admin),
        _form("/painel/clientes-api/{id}/segredo", api_clients.renew_secret, admin),
        _form("/painel/tokens/{jti}/revogar", api_clients.revoke_token, admin),
        _page("/painel/auditoria", audit.show, admin),
        _file("/painel/auditoria.csv", audit.show_csv, admin),
    ]


def _page(path: str, work: Page, *any_of: Permission) -> Route:
    return Named(path, page(work, *any_of))


def _file(path: str, work: Page, *any_of: Permission) -> Route:
    return Named(path, page(work, *any_of, streams=True))


def _form(
    path: str, work: Page, *any_of: Permission, limit: int = _BODY_LIMIT, changes: bool = True
) -> Route:
    return Named(path, page(work, *any_of, changes=changes), methods=["POST"], limit=limit)


async def _to_panel(_request: Request) -> Response:
    return RedirectResponse("/painel", status_code=302)
