"""Whether the pages of a step were all its rows, also where the sync was cut between two of them."""

from __future__ import annotations

import json

import pytest

from disparo.sources.base import Page
from disparo.sources.listing import Listing


def page(*ids, total=6):
    return Page(is_last=False, ids=ids, total=total)


@pytest.mark.parametrize("cut", [False, True])
def test_a_row_that_a_moving_list_lacks_has_it_read_again(cut):
    listing = Listing()
    listing.add(page(1, 2), 0)
    listing.add(page(2, 3), 1)  # one came in before: 2 stands on two pages, and the new one on none
    if cut:
        listing = Listing.going_on(json.loads(json.dumps(listing.so_far())))
    listing.add(page(4, 5), 2)
    assert (listing.missing, listing.wants_second()) == (1, True)


def test_what_an_older_version_noted_of_a_cut_is_read():
    listing = Listing.going_on({"rows": 4, "most": 6, "left_out": 0})
    listing.add(page(5, 6), 2)
    assert (listing.missing, listing.wants_second()) == (0, False)
