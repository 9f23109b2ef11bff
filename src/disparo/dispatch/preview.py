"""Writes the SMS of an invoice for whoever wants to see it before anything is sent."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from disparo.dispatch.from_settings import offers_of
from disparo.domain.sms_text import SegmentProfile, letters_of_one
from disparo.domain.template import Columns, InvoiceText, render
from disparo.settings import Settings


class Preview(NamedTuple):
    """A text, and how many letters of it one SMS holds; `most_letters`: of one without special letters."""

    text: str
    segments: int
    letters: int
    most_letters: int

    @property
    def is_plain(self) -> bool:
        """Whether it has no letter that makes every SMS shorter."""
        return self.letters >= self.most_letters


def preview(
    facts: Columns, template: str | None, settings: Settings, *, is_overdue: bool | None = None
) -> Preview:
    """Write a text as the first platform would cut it; raises TemplateRefused.

    `facts`: a row of `invoices.read_texts`. `template`: None for the one that comes with the program.
    `is_overdue`: by the day on which it goes; None: that is today.
    """
    first = min(offers_of(settings), key=lambda offer: offer.order, default=None)
    profile = SegmentProfile() if first is None else first.profile
    text = text_of(facts, settings, is_overdue=is_overdue)
    found = render(text, profile.at_most(settings.max_segments), template=template)
    return Preview(found.text, found.segments, letters_of_one(found.text, profile), profile.single)


def text_of(facts: Columns, settings: Settings, *, is_overdue: bool | None = None) -> InvoiceText:
    """Give what a text is made from; as for `preview`."""
    if is_overdue is None:
        is_overdue = facts["due_date"] < datetime.now(settings.zone).date()
    return InvoiceText.of(facts, brand=settings.brand, is_overdue=is_overdue)
