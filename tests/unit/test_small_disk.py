"""A disk that takes nothing more: what is said names the folder, and nothing half done stays in it."""

from __future__ import annotations

import resource
from contextlib import contextmanager

import pytest

from disparo.db.cluster import make_cluster
from disparo.db.data_dir import DataDirUnusable, is_held, take_lock
from disparo.db.postgres_binaries import find_runner


@contextmanager
def no_byte_more():
    """As a full disk: each write is refused by the system."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_is_held_also_where_it_cannot_be_written_by_whom(tmp_path):
    """A service could not be started again while its disk was full, for the sake of its number in a file."""
    with no_byte_more():
        lock = take_lock(tmp_path)
    with lock:
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_a_first_start_on_a_full_disk_names_its_folder_and_leaves_nothing(tmp_path):
    runner = find_runner(tmp_path)
    with no_byte_more(), pytest.raises(DataDirUnusable, match=f"A pasta de dados {tmp_path} "):
        make_cluster(tmp_path, runner)
    assert not list(tmp_path.glob("postgres*"))
