"""Writes the SMS of an invoice for whoever wants to see it before anything is sent."""

from __future__ import annotations

from datetime import datetime

from disparo.dispatch.from_settings import offers_of
from disparo.domain.sms_text import SegmentProfile
from disparo.domain.template import Columns, InvoiceText, Rendered, render
from disparo.settings import Settings


def preview(facts: Columns, template: str | None, settings: Settings) -> Rendered:
    """Write a text as the first platform would cut it today; raises TemplateRefused.

    `facts`: a row of `invoices.read_texts`. `template`: None for the one that comes with the program.
    """
    first = min(offers_of(settings), key=lambda offer: offer.order, default=None)
    profile = SegmentProfile() if first is None else first.profile
    text = InvoiceText.of(facts, brand=settings.brand, today=datetime.now(settings.zone).date())
    return render(text, profile.at_most(settings.max_segments), template=template)
