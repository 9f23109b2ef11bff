"""Builds what the verbs ask for (rules, platforms, offers) from the settings; nothing else does."""

from __future__ import annotations

from disparo.db.dispatches import StoredAs
from disparo.dispatch.bulk_estimate import Offer
from disparo.dispatch.calendar import holiday_calendar
from disparo.dispatch.calls import AcceptSettings
from disparo.dispatch.rules import Rules
from disparo.platforms.base import Platform
from disparo.platforms.registry import build_platforms, build_routes, cost_per_segment
from disparo.settings import Settings


def rules_of(settings: Settings) -> Rules:
    """Give the rules of the last look."""
    return Rules(
        brand=settings.brand,
        template=settings.template,
        zone=settings.zone,
        max_parts=settings.max_segments,
        allow_paid=settings.allow_paid,
        is_holiday=holiday_calendar(settings.local_holidays),
        max_per_phone_day=settings.max_per_phone_day,
        max_per_phone_week=settings.max_per_phone_week,
        allow_zero=settings.allow_zero,
    )


def accept_settings_of(settings: Settings) -> AcceptSettings:
    """Give the settings for accepting."""
    return AcceptSettings(
        stored_as=StoredAs(settings.queue, settings.tries, settings.timeout_s, settings.worker_memory_mb),
        delay_s=settings.dispatch_delay_s,
        zone=settings.zone,
        allow_paid=settings.allow_paid,
        has_platform=bool(settings.platforms),
        is_holiday=holiday_calendar(settings.local_holidays),
        allow_zero=settings.allow_zero,
    )


def platforms_of(settings: Settings) -> dict[str, Platform]:
    """Build the platforms; no connection is opened."""
    return build_platforms(
        settings.platforms,
        real_sending=settings.real_sending,
        test_numbers=frozenset(settings.test_numbers),
        public_url=settings.public_url,
    )


def offers_of(settings: Settings) -> list[Offer]:
    """Give what sending through each platform in use takes, for a simulation."""
    able = {name: platform.capabilities for name, platform in platforms_of(settings).items()}
    return [
        Offer(
            name=route.name,
            profile=able[route.name].profile,
            order=route.order,
            cost_per_segment=cost_per_segment(route.name, settings.platforms[route.name]),
            per_second=able[route.name].per_second,
            per_day=able[route.name].per_day,
            limits_count_parts=able[route.name].limits_count_parts,
            ddds=route.ddds,
            hours=route.hours,
        )
        for route in build_routes(settings.platforms)
        if route.weight > 0
    ]
