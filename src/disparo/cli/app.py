"""The command line's root: it loads the one command that is asked for, so that every start is quick."""

from __future__ import annotations

import gc
import importlib
import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

import typer

from disparo.cli import called_off
from disparo.cli.portuguese import spoken
from disparo.errors import DisparoError, in_words
from disparo.wording.plain import on_lines


@dataclass(frozen=True, slots=True)
class _Command:
    module: str
    attribute: str
    help: str


_COMMANDS = {
    "run": _Command("run", "run", "Inicia tudo: banco próprio, servidor e workers."),
    "demo": _Command("demo", "demo", "Faz uma chamada de verdade, espera a entrega e mostra tudo."),
    "serve": _Command("serve", "serve", "Inicia só o servidor HTTP."),
    "worker": _Command("worker", "worker", "Inicia um worker, que entrega as mensagens às plataformas."),
    "simulador": _Command("simulator", "simulator", "Inicia a plataforma de SMS simulada."),
    "usuario": _Command("accounts", "users", "Usuários: criar, listar, revogar, senha."),
    "cliente-api": _Command("accounts", "clients", "Clientes de API (OAuth): criar, listar, revogar, senha."),
    "token": _Command("access_tokens", "access", "Tokens de acesso: criar, listar, revogar, trocar-chave."),
    "importar": _Command("imports", "imports", "Importa clientes, contatos e faturas de CSV ou XLSX."),
    "sincronizar": _Command("sync", "sync", "Traz clientes e faturas de outro programa (HubSoft)."),
    "simular": _Command(
        "simulate", "simulate", "Mostra quem receberia uma fatura e o texto; não envia nada."
    ),
    "disparar": _Command("bulk", "dispatch", "Dispara faturas por vencimento, muitas de uma vez."),
    "execucao": _Command("bulk", "runs", "Disparos em lote: listar, ver, pausar, retomar, cancelar."),
    "mensagem": _Command("messages", "messages", "Busca mensagens por telefone ou fatura."),
    "incertas": _Command(
        "messages", "uncertain", "Mensagens que ninguém confirmou: listar, reenviar, dar-como-enviada."
    ),
    "retidas": _Command("messages", "held", "Mensagens retidas: listar, liberar."),
    "titular": _Command("subjects", "subjects", "Dados de um cliente (LGPD): exportar, apagar, readmitir."),
    "descadastro": _Command("opt_outs", "opt_outs", "Números que não querem SMS."),
    "retomar": _Command("messages", "resume", "Libera as mensagens retidas por uma restauração."),
    "plataforma": _Command("platforms", "platforms", "Plataformas de SMS: listar, presets, pausar, testar."),
    "avisos": _Command("telling", "commands", "Avisos de falhas: testar os endereços."),
    "instalar": _Command("install", "install", "Instala como serviço do sistema (Debian, Ubuntu)."),
    "doctor": _Command("doctor", "doctor", "Confere a instalação e diz como corrigir cada falha."),
    "db": _Command("db", "database_commands", "Banco de dados: backup, restore, shell."),
}
#: As many as the service is given.
_OPEN_FILES = 65_536
#: These hear signals themselves, and end in order with status 0.
_RUN_ON = ("run", "serve", "worker", "simulador")


def main() -> None:
    """Run the command of `sys.argv`; errors meant for people end with status 1 and no trace."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    if wanted in _RUN_ON:
        may_open_many()
    else:
        called_off.hear()
    try:
        _end_as(wanted)
    finally:
        called_off.die_of_what_came()


def may_open_many() -> None:
    """Use what the system allows at most: each connection is an open file, and shells begin at 1,024.

    Without one a server closes connections unanswered, and a worker reaches no platform.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # it goes on with what it has
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end_as(wanted: str) -> None:
    try:
        _prepare()
        root = _loaded(wanted)
        with spoken():
            status = root(prog_name="disparo", standalone_mode=False)
        if sys.stdout is not None:  # else it was closed to us
            sys.stdout.flush()  # here, where it is known what to do if its reader is gone
        sys.exit(status if isinstance(status, int) else 0)
    except DisparoError as error:
        print(f"Erro: {on_lines(str(error))}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:  # while the command was still being loaded
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has seen enough
        _give_up_output()
        sys.exit(1)
    except Exception as error:  # loading the database's errors takes longer than most commands: only now
        why = _of_the_moment(error)
        if why is None:
            raise
        print(f"Erro: {on_lines(why)}", file=sys.stderr)
        sys.exit(1)


def _prepare() -> None:
    """Refuse what no command could store or show, and have an end to read where no input was given."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed to us: a lock or a connection would get this number, and what is printed
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - for as long as we run
    if isinstance(sys.stdout, TextIOWrapper):
        # A sign that the terminal has not: what was done is done, and a secret is shown only now.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        "".join(sys.argv[1:]).encode()
    except UnicodeEncodeError:  # how Python keeps a byte that it could not read
        raise DisparoError("um argumento não está em UTF-8: confira o terminal.") from None


def _give_up_output() -> None:
    """Let what is left of our output go nowhere: at its end Python would try again, and complain."""
    if sys.stdout is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


def _loaded(wanted: str) -> typer.Typer:
    """Give all commands, of which only the wanted one is loaded."""
    root = typer.Typer(
        name="disparo",
        help="Envia faturas por SMS para provedores de internet.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    root.callback(invoke_without_command=True)(_root)
    gc.disable()  # a thousand modules are loaded and none is garbage: looking for it takes a tenth of a start
    for name, command in _COMMANDS.items():
        target = _load(command) if name == wanted else _stub
        if isinstance(target, typer.Typer):
            root.add_typer(target, name=name, help=command.help)
        else:
            help_text = None if name == wanted else command.help
            root.command(name=name, help=help_text)(target)
    gc.enable()
    return root


def _of_the_moment(error: Exception) -> str | None:
    """Say in words what the system or the database refused; None where the fault is our own."""
    import asyncpg

    from disparo.db.pool import TRANSIENT

    if isinstance(error, asyncpg.DiskFullError):
        return "O disco do banco de dados está cheio. Libere espaço e tente de novo."
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return (
            "O PostgreSQL não aceita gravações agora: é uma réplica, ou alguém o fechou. Nada foi alterado."
        )
    if isinstance(error, asyncpg.DataError) and "out of" in str(error):
        return "Um dos números é grande demais. Nada foi alterado."
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"O sistema recusou a operação ({where}{in_words(error)})."
    if isinstance(error, TRANSIENT):
        return f"O banco de dados não responde ({type(error).__name__}). Tente de novo em instantes."
    return _of_too_little(error)


def _of_too_little(error: Exception) -> str | None:
    if isinstance(error, MemoryError):
        return "Falta memória para isto: a da máquina, ou a que os limites deixam a este usuário (ulimit -v)."
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return "Não há mais processos ou threads livres: veja os limites deste usuário (ulimit -u)."
    return None


def _root(
    versao: bool = typer.Option(False, "--versao", "--version", help="Mostra a versão e termina."),
) -> None:
    if versao:
        from disparo import __version__

        print(__version__)
        raise typer.Exit


def _load(command: _Command) -> typer.Typer | Callable[..., None]:
    found: typer.Typer | Callable[..., None] = getattr(
        importlib.import_module(f"disparo.cli.{command.module}"), command.attribute
    )
    return found


def _stub() -> None:
    """Stand in for a command that is listed but not asked for."""
