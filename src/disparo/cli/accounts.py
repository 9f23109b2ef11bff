"""`disparo usuario`, `disparo cliente-api`, `disparo token`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

import typer
from rich.table import Column, Table

from disparo.auth.passwords import hash_password, new_password
from disparo.auth.tokens import SigningKey, TokenMint, digest, new_secret
from disparo.cli.context import DataDir, actor, with_connection
from disparo.cli.credentials import has_terminal, make_client, make_user
from disparo.cli.tables import show_table
from disparo.db import accounts, tokens
from disparo.db.pool import Connection
from disparo.errors import DisparoError
from disparo.settings import load_settings

users = typer.Typer(no_args_is_help=True)
clients = typer.Typer(no_args_is_help=True)
access = typer.Typer(no_args_is_help=True)

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
    digitar_senha: _OWN = False,
    dados: DataDir = None,
) -> None:
    """Cria um usuário; a senha é mostrada uma vez. Sem --permissao: só enviar."""
    permissions = [_word(_PERMISSION_WORDS, word, "permissão") for word in permissao or ["enviar"]]
    _check_email(email)
    password = _password(own=digitar_senha)

    async def work(connection: Connection) -> None:
        await make_user(connection, email, name=nome, password=password, permissions=permissions)

    with_connection(dados, work)
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

    async def work(connection: Connection) -> int:
        user_id = _found(await accounts.deactivate_user(connection, email), f"usuário {email}")
        await accounts.audit(connection, actor=actor(), action="user_revoked", detail={"user": user_id})
        return await tokens.revoke(connection, user_id=user_id)

    print(f"Usuário desativado; {with_connection(dados, work)} token(s) revogado(s).")


@users.command("senha")
def change_password(email: str, digitar_senha: _OWN = False, dados: DataDir = None) -> None:
    """Troca a senha de um usuário; os tokens que ele já tem continuam valendo."""
    password = _password(own=digitar_senha)

    async def work(connection: Connection) -> None:
        user_id = await accounts.set_password(connection, email, hash_password(password))
        await accounts.audit(
            connection,
            actor=actor(),
            action="password_changed",
            detail={"user": _found(user_id, f"usuário {email}")},
        )

    with_connection(dados, work)
    print("Senha trocada." if digitar_senha else f"Nova senha (mostrada só agora): {password}")


@clients.command("criar")
def create_client(
    nome: str,
    codigos_http: Annotated[
        str, typer.Option(help="rest: recusas com 422; hubsoft: recusas com 200, como o original.")
    ] = "rest",
    finalidade: Annotated[str, typer.Option(help=f"{', '.join(_PURPOSE_WORDS)}.")] = "solicitada",
    janela_repeticao: Annotated[
        int, typer.Option(min=0, help="Segundos em que a mesma fatura não vai de novo ao mesmo número.")
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
    client_id, secret = with_connection(dados, lambda connection: make_client(connection, nome, settings))
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
        if not await accounts.deactivate_client(connection, client_id):
            raise _no_such(f"cliente de API {client_id}")
        await accounts.audit(connection, actor=actor(), action="client_revoked", detail={"client": client_id})
        return await tokens.revoke(connection, client_id=client_id)

    print(f"Cliente de API desativado; {with_connection(dados, work)} token(s) revogado(s).")


@clients.command("senha")
def change_secret(client_id: int, dados: DataDir = None) -> None:
    """Troca o segredo de um cliente de API; os tokens já emitidos continuam valendo."""
    secret = new_secret()

    async def work(connection: Connection) -> None:
        if not await accounts.set_client_secret(connection, client_id, digest(secret)):
            raise _no_such(f"cliente de API {client_id}")
        await accounts.audit(
            connection, actor=actor(), action="client_secret_changed", detail={"client": client_id}
        )

    with_connection(dados, work)
    print(f"Novo client_secret (mostrado só agora): {secret}")


@access.command("criar")
def create_token(
    email: str,
    cliente: Annotated[int, typer.Option(help="ID do cliente de API.")],
    dias: Annotated[int, typer.Option(min=1, max=3650, help="Validade em dias.")] = 30,
    dados: DataDir = None,
) -> None:
    """Cria um token de acesso sem senha, para um programa que não sabe pedir um."""

    async def work(connection: Connection) -> str:
        user = await accounts.find_user(connection, email)
        if user is None:
            raise _no_such(f"usuário ativo {email}")
        if await accounts.find_client(connection, cliente) is None:
            raise _no_such(f"cliente de API ativo {cliente}")
        keys = [SigningKey(*row.values()) for row in await tokens.signing_keys(connection)]
        if not keys:
            raise DisparoError("Inicie o servidor uma vez antes: ele cria a chave que assina os tokens.")
        now, jti, lifetime_s = datetime.now(UTC), uuid4(), dias * 86_400
        await tokens.add_pair(
            connection,
            tokens.NewPair(jti, uuid4(), cliente, user["id"], now, lifetime_s, digest(new_secret()), 1),
        )
        await accounts.audit(connection, actor=actor(), action="token_created", detail={"jti": str(jti)})
        scopes = user["permissions"]
        return TokenMint(keys).sign(
            jti=jti, client_id=cliente, user_id=user["id"], scopes=scopes, now=now, lifetime_s=lifetime_s
        )

    print(with_connection(dados, work))


@access.command("listar")
def list_tokens(dados: DataDir = None) -> None:
    """Lista os tokens em vigor."""
    table = Table(Column("Token (jti)", no_wrap=True), "Usuário", "Cliente de API", "Emitido", "Vence")
    zone = load_settings().zone
    for row in with_connection(dados, tokens.list_live):
        issued, expires = (
            row[name].astimezone(zone).strftime("%d/%m/%Y %H:%M") for name in ("issued_at", "expires_at")
        )
        table.add_row(
            str(row["jti"]), row["email"], f"{row['client_id']} {row['client_name']}", issued, expires
        )
    show_table(table)


@access.command("revogar")
def revoke_tokens(
    jti: Annotated[str | None, typer.Argument(help="O token, como em `token listar`.")] = None,
    todos: Annotated[bool, typer.Option("--todos", help="Todos os tokens da instalação.")] = False,
    dados: DataDir = None,
) -> None:
    """Revoga um token, ou todos, na hora e em todos os processos."""
    if (jti is None) == (not todos):
        raise DisparoError("Informe um token ou --todos.")
    try:
        one = None if jti is None else UUID(jti)
    except ValueError:
        raise DisparoError(f"{jti} não é um token: veja `disparo token listar`.") from None

    async def work(connection: Connection) -> int:
        await accounts.audit(connection, actor=actor(), action="tokens_revoked", detail={"jti": jti or "all"})
        count = await tokens.revoke(connection, jti=one)
        if one is not None and not count:
            raise DisparoError(f"O token {one} não está em uso. Nada foi alterado.")
        return count

    print(f"{with_connection(dados, work)} token(s) revogado(s).")


def _password(*, own: bool) -> str:
    if not own:
        return new_password()
    # Where there is no terminal nothing echoes, and Python would warn in English that it may.
    hide = has_terminal()
    given: str = typer.prompt("Senha", hide_input=hide)
    if typer.prompt("Repita a senha", hide_input=hide) != given:
        raise DisparoError("As duas senhas não são iguais. Nada foi alterado.")
    if not 8 <= len(given) <= 200:  # noqa: PLR2004
        raise DisparoError("A senha deve ter de 8 a 200 caracteres.")
    return given


def _check_email(email: str) -> None:
    name, _, domain = email.partition("@")
    if not name or "." not in domain or not email.isprintable() or " " in email or len(email) > 320:  # noqa: PLR2004
        raise DisparoError(f"{email} não é um e-mail.")


def _word(words: dict[str, str], word: str, what: str) -> str:
    if word not in words:
        raise DisparoError(f"A {what} {word} não existe. Existem: {', '.join(words)}.")
    return words[word]


def _found(value: int | None, what: str) -> int:
    if value is None:
        raise _no_such(what)
    return value


def _no_such(what: str) -> DisparoError:
    return DisparoError(f"Não há {what}.")
