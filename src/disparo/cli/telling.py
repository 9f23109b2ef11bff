"""How people are told of faults: e-mail, Telegram, Slack, webhooks and more, through Apprise."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
import typer

from disparo.errors import DisparoError, SettingsInvalid
from disparo.settings import Settings, load_settings

if TYPE_CHECKING:
    import apprise

log = structlog.get_logger(__name__)

#: Tells people, given title and text; False where nobody could be told.
Tell = Callable[[str, str], Awaitable[bool]]

_MISSING = (
    "Há endereços em `alerts`, mas falta a biblioteca que os avisa: "
    f"{sys.prefix}/bin/pip install 'disparo[alertas]' (ou retire `alerts` da configuração)."
)


commands = typer.Typer(no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """Keep `testar` a word of its own: a group of one command would be that command."""


@commands.command("testar")
def try_all() -> None:
    """Envia um aviso de teste a cada endereço de `alerts` e diz quem o recebeu."""
    found = _addresses(load_settings())
    if found is None:
        raise DisparoError("Não há endereços em `alerts` na configuração: ninguém é avisado de nada.")
    said = list(found.notify(title="Disparo: teste", body="Este é um aviso de teste: está tudo bem."))
    for place, each in enumerate(said, 1):
        print(f"{place}º endereço ({each.name}): {'recebeu' if each else 'NÃO recebeu'}")
    if not all(said):
        raise DisparoError("Confira estes endereços em `alerts`: senha, token, servidor e porta.")


def teller(settings: Settings) -> Tell | None:
    """Give the way to tell people, None where nobody wants to be told; raises SettingsInvalid."""
    found = _addresses(settings)
    if found is None:
        return None

    async def tell(title: str, text: str) -> bool:
        # It speaks HTTP and SMTP in its own threads; a slow one must not hold the loop.
        answers = list(await asyncio.to_thread(found.notify, title=title, body=text))
        # Another try for those that fail would tell the others again, each time.
        if any(answers) and not all(answers):
            log.warning("alert_not_told_everywhere", missing=[each.name for each in answers if not each])
        return any(answers)

    return tell


def _addresses(settings: Settings) -> apprise.Apprise | None:
    if not settings.alerts:
        return None
    try:
        import apprise
    except ImportError:
        raise SettingsInvalid(_MISSING) from None
    found = apprise.Apprise()
    for place, address in enumerate(settings.alerts, 1):
        if not found.add(address.get_secret_value()):
            raise SettingsInvalid(
                f"alerts: o {place}º endereço não é um endereço do Apprise (exemplos: "
                "tgram://TOKEN/CHAT, mailto://usuario:senha@servidor, slack://..., json://servidor/caminho)."
            )
    return found
