"""How people are told of faults: e-mail, Telegram, Slack, webhooks and more, through Apprise."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

import structlog

from disparo.errors import SettingsInvalid
from disparo.settings import Settings

log = structlog.get_logger(__name__)

#: Tells people, given title and text; False where nobody could be told.
Tell = Callable[[str, str], Awaitable[bool]]

_MISSING = (
    "Há endereços em `alerts`, mas falta a biblioteca que os avisa: "
    f"{sys.prefix}/bin/pip install 'disparo[alertas]' (ou retire `alerts` da configuração)."
)


def teller(settings: Settings) -> Tell | None:
    """Give the way to tell people, None where nobody wants to be told; raises SettingsInvalid."""
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

    async def tell(title: str, text: str) -> bool:
        # It speaks HTTP and SMTP in its own threads; a slow one must not hold the loop.
        answers = list(await asyncio.to_thread(found.notify, title=title, body=text))
        # Another try for those that fail would tell the others again, each time.
        if any(answers) and not all(answers):
            log.warning("alert_not_told_everywhere", missing=[each.name for each in answers if not each])
        return any(answers)

    return tell
