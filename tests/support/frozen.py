"""Loaded last where processes begin (`forks`): what each of them would load and look over is there, and at rest.

Holidays are read in a quarter of a second, the panel's pages made in a sixth. The collector would find no garbage
among what all share, and each page that it wrote its marks on would be copied: a tenth of a second for each server.
That a server reads its pages as it begins is in `test_newer_files.py`, whose server begins from nothing.
"""

import gc

from tests.support.children import begin_from_what_is_loaded

from disparo.db.pool import load_statements
from disparo.dispatch.calendar import load_calendar
from disparo.panel.pages import load_pages

begin_from_what_is_loaded()
load_calendar()
load_statements()
load_pages()
gc.collect()
gc.freeze()
