"""Pages of long answers, from 0: how they are asked for, and the block that tells how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query

from disparo.api.hubsoft.reading import read_number

Page = Annotated[str | None, Query(description="Página, a partir de 0")]
PerPage = Annotated[str | None, Query(description="Itens por página, de 1 a 500")]


def read_page(
    query: Mapping[str, str], *, default: int, per_page: str = "itens_por_pagina"
) -> tuple[int, int]:
    """Read `pagina` and how many to a page, from the field called `per_page`; raises Refusal."""
    return read_number(query, "pagina", 0, 0, 10**7), read_number(query, per_page, default, 1, 500)


def total_at_end(page: int, per_page: int, found: int) -> int | None:
    """Tell how many there are in all where so many on a page show it: nothing need be counted then."""
    is_end = found < per_page and (found > 0 or page == 0)
    return page * per_page + found if is_end else None


def pagination(page: int, per_page: int, total: int) -> dict[str, int]:
    """Give the original's paging block: pages count from 0."""
    return {
        "primeira_pagina": 0,
        "ultima_pagina": max(0, -(-total // per_page) - 1),
        "pagina_atual": page,
        "total_registros": total,
    }
