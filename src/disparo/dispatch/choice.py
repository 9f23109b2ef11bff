"""By which lane a message goes, and with which text: each platform counts and cuts texts in its own way."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from disparo.dispatch import patience
from disparo.dispatch.lane import Lane
from disparo.dispatch.rules import Drop, Rules, rendered
from disparo.domain.routing import NoRoute, Route, choose, stay
from disparo.domain.template import Rendered


class Way(NamedTuple):
    """A lane, and the text as its platform takes it."""

    lane: Lane
    text: Rendered


class Choice:
    """The routes and rules of one set of settings; `is_usable` tells of a platform whether it works now."""

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        routes: Sequence[Route],
        rules: Rules,
        *,
        is_usable: Callable[[str], bool],
    ) -> None:
        self._lanes = lanes
        self._routes = routes
        self._rules = rules
        self._is_usable = is_usable

    def make(self, row: Mapping[str, Any], has_room: Callable[[str], bool]) -> Way | NoRoute | Drop:
        """Give the way of a message; NoRoute: it waits; Drop: its text fits on no platform it may go by."""
        chosen = self._named(row, self._routes, has_room)
        if isinstance(chosen, NoRoute):
            return chosen
        text = self._text(row, chosen)
        if isinstance(text, Drop) and row["tries"] == 0:
            others = [route for route in self._routes if self._may_fit(row, route, but=chosen)]
            if not others:
                return text
            chosen = self._named(row, others, has_room)
            if isinstance(chosen, NoRoute):
                return chosen
            text = self._text(row, chosen)
        return text if isinstance(text, Drop) else Way(self._lanes[chosen], text)

    def _named(
        self, row: Mapping[str, Any], routes: Sequence[Route], has_room: Callable[[str], bool]
    ) -> str | NoRoute:
        is_day_full = partial(patience.is_day_full, self._lanes)
        local = row["now"].astimezone(self._rules.zone)
        # A message that may have had an effect somewhere never goes to another platform.
        if row["tries"] > 0:
            return stay(routes, row["platform"], local=local, has_room=has_room, is_day_full=is_day_full)
        return choose(
            routes,
            ddd=row["e164"][3:5],
            local=local,
            is_usable=self._is_usable,
            has_room=has_room,
            is_day_full=is_day_full,
            avoid=row["platform"] if row["not_taken"] > 0 else None,
            draw=random.random(),  # noqa: S311 - shares load, guards nothing
        )

    def _may_fit(self, row: Mapping[str, Any], route: Route, *, but: str) -> bool:
        if route.name == but or route.name not in self._lanes or not route.serves(row["e164"][3:5]):
            return False
        return not isinstance(self._text(row, route.name), Drop)

    def _text(self, row: Mapping[str, Any], name: str) -> Rendered | Drop:
        return rendered(row, self._rules, self._lanes[name].platform.capabilities.profile)
