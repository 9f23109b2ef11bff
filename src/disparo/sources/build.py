"""Makes the live sources that the settings name."""

from __future__ import annotations

from disparo.db.pool import Pool
from disparo.settings import Settings
from disparo.sources.asking_again import ANSWER_WITHIN_S
from disparo.sources.base import RegisterSource
from disparo.sources.hubsoft import Hubsoft
from disparo.sources.hubsoft_settings import HubsoftSettings
from disparo.sources.sync import Sync

#: Of the patience with an answer, for the one that a message waits for: what is usual gives the least.
_PART_OF_PATIENCE = 1 / 6


def live_sources(settings: Settings) -> frozenset[str]:
    """Give the names of those that the settings have."""
    return frozenset() if settings.hubsoft_url is None else frozenset({Hubsoft.name})


def build_hubsoft(settings: Settings) -> Hubsoft | None:
    """Give HubSoft as a source, None where it is not configured; nothing is connected yet."""
    if settings.hubsoft_url is None:
        return None
    return Hubsoft(
        HubsoftSettings(
            url=settings.hubsoft_url,
            client_id=settings.hubsoft_client_id,
            client_secret=settings.hubsoft_client_secret.get_secret_value(),
            username=settings.hubsoft_username,
            password=settings.hubsoft_password.get_secret_value(),
            verify_tls=settings.hubsoft_verify_tls,
            timeout_s=settings.hubsoft_timeout_s,
            sms_permission=settings.sync_sms_permission,
            months_back=settings.sync_months_back,
            months_ahead=settings.sync_months_ahead,
        )
    )


def build_sync(settings: Settings, dsn: str, pool: Pool, source: RegisterSource) -> Sync:
    """Give the sync of a source into this database."""
    within_s = max(ANSWER_WITHIN_S, settings.hubsoft_timeout_s * _PART_OF_PATIENCE)
    return Sync(dsn, pool, source, settings.zone, every_s=settings.sync_every_s, answer_within_s=within_s)
