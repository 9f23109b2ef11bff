"""How many there are in all, where a page itself shows it."""

from __future__ import annotations

import pytest

from disparo.api.hubsoft.paging import total_at_end


@pytest.mark.parametrize(
    ("page", "found", "total"), [(0, 0, 0), (0, 3, 3), (2, 3, 23), (0, 10, None), (2, 10, None), (2, 0, None)]
)
def test_the_last_page_shows_how_many_there_are(page, found, total):
    assert total_at_end(page, 10, found) == total
