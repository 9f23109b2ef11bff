"""`disparo usuario`, `disparo cliente-api`."""

from __future__ import annotations

import shlex
from typing import Annotated, TypeVar

import typer
from rich.table import Table

from disparo.auth import enrolment
from disparo.auth.passwords import LONGEST_OWN, SHORTEST_OWN, hash_password, new_password
from disparo.cli.asking import has_terminal
from disparo.cli.context import DataDir, actor, with_connection
from disparo.cli.credentials import ALL_PERMISSIONS, make_user
from disparo.cli.tables import show_table
from disparo.db import accounts, tokens
from disparo.db.pool import Connection
from disparo.errors import DisparoError

users = typer.Typer(no_args_is_help=True)
clients = typer.Typer(no_args_is_help=True)
T = TypeVar("T")

_PERMISSION_WORDS = {
    "enviar": "send",
    "enviar-lote": "send_bulk",
    "cancelar": "cancel",
    "remover-descadastro": "remove_opt_out",
    "cadastro": "register",
    "repassar-hubsoft": "pass_through",
    "ver-textos": "view_text",
    "administrar": "admin",
}
_PURPOSE_WORDS = {"solicitada": "requested", "aviso": "notice", "cobranca": "collection"}
_OWN = Annotated[bool, typer.Option("--digitar-senha", help="Digitar a senha em vez de receber uma pronta.")]


@users.command("criar")
def create_user(
    email: str,
    nome: Annotated[str, typer.Option(help="Nome da pessoa ou do programa.")] = "",
    permissao: Annotated[
        list[str] | None, typer.Option(help=f"Repita para várias: {', '.join(_PERMISSION_WORDS)}.")
    ] = None,
    tudo: Annotated[bool, typer.Option("--tudo", help="Todas as permissões: quem administra.")] = False,
    digitar_senha: _OWN = False,
    dados: DataDir = None,
) -> None:
    """Cria um usuário; a senha é mostrada uma vez. Sem --permissao e sem --tudo: só enviar."""
    if tudo and permissao:
        raise DisparoError("Informe --tudo ou --permissao, não os dois.")
    words = [_word(_PERMISSION_WORDS, word, "permissão") for word in permissao or ["enviar"]]
    permissions = ALL_PERMISSIONS if tudo else words
    if not enrolment.is_email(email):
        raise DisparoError(f"{email} não é um e-mail." if email else "O e-mail está vazio.")
    password = _password(own=digitar_senha)

    async def work(connection: Connection) -> None:
        await make_user(connection, email, name=nome, password=password, permissions=permissions)

    with_connection(dados, work, may_begin=True)
    print(f"Usuário criado: {email}")
    if not digitar_senha:
        print(f"Senha (mostrada só agora): {password}")


@users.command("listar")
def list_users(dados: DataDir = None) -> None:
    """Lista os usuários."""
    words = {value: word for word, value in _PERMISSION_WORDS.items()}
    rows = with_connection(dados, accounts.list_users)
    table = Table("ID", "E-mail", "Nome", "Permissões", "Ativo")
    for row in rows:
        permissions = ", ".join(words.get(value, value) for value in row["permissions"])
        table.add_row(
            str(row["id"]), row["email"], row["name"], permissions, "sim" if row["active"] else "não"
        )
    show_table(table)


@users.command("revogar")
def revoke_user(email: str, dados: DataDir = None) -> None:
    """Desativa um usuário e revoga todos os seus tokens, na hora."""

    async def work(connection: Connection) -> tuple[int, bool]:
        user_id = _found(await accounts.find_user_id(connection, email), f"usuário {email}")
        was_last = await accounts.lock_administrators(connection) == {user_id}
        revoked = await enrolment.shut_out_user(connection, user_id, actor=actor())
        return _found(revoked, f"usuário {email}"), was_last

    revoked, was_last = with_connection(dados, work)
    print(f"Usuário desativado; {revoked} token(s) revogado(s).")
    if was_last:
        print(
            "Era o último que administra: ninguém mais pode. Para haver outro:"
            " disparo usuario criar EMAIL --tudo (no painel, em Usuários, ele reativa os demais)."
        )


@users.command("senha")
def change_password(email: str, digitar_senha: _OWN = False, dados: DataDir = None) -> None:
    """Troca a senha de um usuário; os tokens que ele já tem valem até `token revogar`."""
    password = _password(own=digitar_senha)

    async def work(connection: Connection) -> tuple[bool, bool]:
        found = await accounts.set_password(connection, email, hash_password(password))
        user_id = _found(found, f"usuário {email}")
        await accounts.audit(connection, actor=actor(), action="password_changed", detail={"user": user_id})
        is_active = await accounts.find_user(connection, email) is not None
        return is_active, await tokens.has_live(connection, user_id=user_id)

    is_active, has_live = with_connection(dados, work)
    print("Senha trocada." if digitar_senha else f"Nova senha (mostrada só agora): {password}")
    if not is_active:
        print(
            "Este usuário está desativado: não entra com senha nenhuma"
            " até alguém reativá-lo no painel, em Usuários."
        )
    if has_live:
        _tell_what_lives(f"--usuario {shlex.quote(email)}")


@clients.command("criar")
def create_client(
    nome: str,
    codigos_http: Annotated[
        str, typer.Option(help="rest: recusas com 422; hubsoft: recusas com 200, como o original.")
    ] = "rest",
    finalidade: Annotated[str, typer.Option(help=f"{', '.join(_PURPOSE_WORDS)}.")] = "solicitada",
    janela_repeticao: Annotated[
        int,
        typer.Option(
            min=0,
            max=enrolment.LONGEST_REPEAT_WINDOW_S,
            help="Segundos em que a mesma fatura não vai de novo ao mesmo número.",
        ),
    ] = 0,
    limite_por_segundo: Annotated[
        float | None, typer.Option(min=0, max=1_000_000, help="Chamadas por segundo; 0: sem limite.")
    ] = None,
    limite_rajada: Annotated[int | None, typer.Option(min=1, help="Chamadas seguidas permitidas.")] = None,
    telefones_por_dia: Annotated[
        int | None, typer.Option(min=0, help="Telefones adicionais por dia.")
    ] = None,
    dados: DataDir = None,
) -> None:
    """Cria um cliente de API; o segredo é mostrado uma vez."""
    if codigos_http not in ("rest", "hubsoft"):
        raise DisparoError("--codigos-http aceita rest ou hubsoft.")
    if not nome.strip():
        raise DisparoError("O nome do cliente de API está vazio.")
    settings = {
        "error_codes": codigos_http,
        "purpose": _word(_PURPOSE_WORDS, finalidade, "finalidade"),
        "repeat_window_s": janela_repeticao,
        "rate_per_s": limite_por_segundo,
        "rate_burst": limite_rajada,
        "extra_phones_per_day": telefones_por_dia,
    }
    client_id, secret = with_connection(
        dados,
        lambda connection: enrolment.add_client(connection, name=nome, settings=settings, actor=actor()),
        may_begin=True,
    )
    print(f"Cliente de API criado.\nclient_id: {client_id}\nclient_secret (mostrado só agora): {secret}")


@clients.command("listar")
def list_clients(dados: DataDir = None) -> None:
    """Lista os clientes de API."""
    words = {value: word for word, value in _PURPOSE_WORDS.items()}
    table = Table("ID", "Nome", "Códigos HTTP", "Finalidade", "Janela (s)", "Limite/s", "Ativo")
    for row in with_connection(dados, accounts.list_clients):
        rate = "padrão" if row["rate_per_s"] is None else f"{row['rate_per_s']:g}"
        table.add_row(
            str(row["id"]),
            row["name"],
            row["error_codes"],
            words[row["purpose"]],
            str(row["repeat_window_s"]),
            rate,
            "sim" if row["active"] else "não",
        )
    show_table(table)


@clients.command("revogar")
def revoke_client(client_id: int, dados: DataDir = None) -> None:
    """Desativa um cliente de API e revoga todos os seus tokens, na hora."""

    async def work(connection: Connection) -> int:
        revoked = await enrolment.shut_out_client(connection, client_id, actor=actor())
        return _found(revoked, f"cliente de API {client_id}")

    print(f"Cliente de API desativado; {with_connection(dados, work)} token(s) revogado(s).")


@clients.command("senha")
def change_secret(client_id: int, dados: DataDir = None) -> None:
    """Troca o segredo de um cliente de API; os tokens já emitidos valem até `token revogar`."""

    async def work(connection: Connection) -> tuple[str, bool]:
        secret = await enrolment.renew_secret(connection, client_id, actor=actor())
        found = _found(secret, f"cliente de API ativo {client_id}")
        return found, await tokens.has_live(connection, client_id=client_id)

    secret, has_live = with_connection(dados, work)
    print(f"Novo client_secret (mostrado só agora): {secret}")
    if has_live:
        _tell_what_lives(f"--cliente {client_id}")


def _tell_what_lives(whose: str) -> None:
    """Say what a new secret leaves alone: who stole the old one may have a token that renews itself."""
    print(f"Os tokens já emitidos continuam valendo; para revogá-los: disparo token revogar {whose}")


def _password(*, own: bool) -> str:
    if not own:
        return new_password()
    # Where there is no terminal nothing echoes, and Python would warn in English that it may.
    hide = has_terminal()
    given: str = typer.prompt("Senha", hide_input=hide)
    if typer.prompt("Repita a senha", hide_input=hide) != given:
        raise DisparoError("As duas senhas não são iguais. Nada foi alterado.")
    if not SHORTEST_OWN <= len(given) <= LONGEST_OWN:
        raise DisparoError(f"A senha deve ter de {SHORTEST_OWN} a {LONGEST_OWN} caracteres.")
    return given


def _word(words: dict[str, str], word: str, what: str) -> str:
    if word not in words:
        raise DisparoError(f"A {what} {word} não existe. Existem: {', '.join(words)}.")
    return words[word]


def _found(value: T | None, what: str) -> T:
    if value is None:
        raise DisparoError(f"Não há {what}.")
    return value
