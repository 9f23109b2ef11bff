"""`disparo token`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

import asyncpg
import typer
from rich.table import Column, Table

from disparo.auth import enrolment, signing_keys
from disparo.auth.tokens import TokenMint, digest, new_secret, new_signing_key
from disparo.cli.context import DataDir, actor, with_connection
from disparo.cli.tables import show_table
from disparo.db import accounts, tokens
from disparo.db.pool import Connection
from disparo.errors import DisparoError
from disparo.settings import load_settings
from disparo.wording import words
from disparo.wording.moment_words import to_minute

access = typer.Typer(no_args_is_help=True)


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
            raise DisparoError(f"Não há usuário ativo {email}.")
        if await accounts.find_client(connection, cliente) is None:
            raise DisparoError(f"Não há cliente de API ativo {cliente}.")
        keys = await signing_keys.read(connection)
        if not keys:
            raise DisparoError("Inicie o servidor uma vez antes: ele cria a chave que assina os tokens.")
        now, jti, lifetime_s = datetime.now(UTC), uuid4(), dias * 86_400
        pair = tokens.NewPair(jti, uuid4(), cliente, user["id"], now, lifetime_s, digest(new_secret()), 1)
        if not await tokens.add_pair(connection, pair):
            raise DisparoError(
                "O usuário ou o cliente de API foi desativado neste instante. Nada foi criado."
            )
        await accounts.audit(connection, actor=actor(), action="token_created", detail={"jti": str(jti)})
        scopes = user["permissions"]
        return TokenMint(keys).sign(
            jti=jti, client_id=cliente, user_id=user["id"], scopes=scopes, now=now, lifetime_s=lifetime_s
        )

    print(with_connection(dados, work))


@access.command("trocar-chave")
def change_key(dados: DataDir = None) -> None:
    """Troca a chave que assina os tokens; os já emitidos valem até vencer."""
    key = new_signing_key()

    async def work(connection: Connection) -> None:
        added = await tokens.add_signing_key(
            connection, kid=key.kid, private_pem=key.private_pem, public_pem=key.public_pem
        )
        if not added:
            raise DisparoError(
                "Nada foi alterado: a chave de agora foi feita há poucos minutos, ou ainda não há uma (o "
                "servidor a cria no primeiro início)."
            )
        await accounts.audit(connection, actor=actor(), action="signing_key_changed", detail={"kid": key.kid})

    with_connection(dados, work)
    print(
        "Chave nova feita: em pouco mais de um minuto os servidores passam a assinar com ela, sem reiniciar. "
        "Em dez, a parte secreta da antiga é apagada.\n"
        "Os tokens já emitidos seguem valendo. Se uma cópia do banco se perdeu, é preciso também: "
        "disparo token revogar --todos"
    )


@access.command("listar")
def list_tokens(dados: DataDir = None) -> None:
    """Lista os tokens em vigor."""
    table = Table(Column("Token (jti)", no_wrap=True), "Usuário", "Cliente de API", "Emitido", "Vence")
    zone = load_settings().zone

    async def work(connection: Connection) -> tuple[list[asyncpg.Record], int]:
        return await tokens.list_live(connection), await tokens.count_live(connection)

    rows, count = with_connection(dados, work)
    for row in rows:
        issued, expires = (to_minute(row[name], zone) for name in ("issued_at", "expires_at"))
        table.add_row(
            str(row["jti"]), row["email"], f"{row['client_id']} {row['client_name']}", issued, expires
        )
    show_table(table)
    if count > len(rows):
        print(f"São {words.several(count, 'token', 'tokens')} em vigor: estes são os mais novos.")


@access.command("revogar")
def revoke_tokens(
    jti: Annotated[str | None, typer.Argument(help="O token, como em `token listar`.")] = None,
    usuario: Annotated[str | None, typer.Option(help="Os deste usuário (e-mail).")] = None,
    cliente: Annotated[int | None, typer.Option(help="Os deste cliente de API (ID).")] = None,
    todos: Annotated[bool, typer.Option("--todos", help="Todos os tokens da instalação.")] = False,
    dados: DataDir = None,
) -> None:
    """Revoga um token, os de um usuário, os de um cliente de API ou todos: na hora, em todos os processos."""
    if [jti is not None, usuario is not None, cliente is not None, todos].count(True) != 1:
        raise DisparoError("Informe um token, --usuario, --cliente ou --todos.")

    async def work(connection: Connection) -> int:
        if jti is not None:
            return await _revoke_one(connection, jti)
        if usuario is not None:
            user_id = await _user_id(connection, usuario)
            await _audit(connection, {"user": user_id})
            return await tokens.revoke(connection, user_id=user_id)
        if cliente is not None:
            client_id = await _client_id(connection, cliente)
            await _audit(connection, {"client": client_id})
            return await tokens.revoke(connection, client_id=client_id)
        await _audit(connection, {"jti": "all"})
        return await tokens.revoke(connection)

    print(f"{with_connection(dados, work)} token(s) revogado(s).")


async def _revoke_one(connection: Connection, text: str) -> int:
    try:
        jti = UUID(text)
    except ValueError:
        raise DisparoError(f"{text} não é um token: veja `disparo token listar`.") from None
    count = await tokens.revoke(connection, jti=jti)
    if not count:
        raise DisparoError(f"O token {jti} não está em uso. Nada foi alterado.")
    await _audit(connection, {"jti": str(jti)})
    return count


async def _user_id(connection: Connection, email: str) -> int:
    user_id = await accounts.find_user_id(connection, email)
    if user_id is None:
        raise DisparoError(f"Não há usuário {email}.")
    return user_id


async def _client_id(connection: Connection, client_id: int) -> int:
    is_one = 0 < client_id <= enrolment.LARGEST_CLIENT_ID
    if not is_one or not await accounts.has_client(connection, client_id):
        raise DisparoError(f"Não há cliente de API {client_id}.")
    return client_id


async def _audit(connection: Connection, whose: Mapping[str, object]) -> None:
    await accounts.audit(connection, actor=actor(), action="tokens_revoked", detail=whose)
