"""How much memory our private PostgreSQL takes for itself."""

import pytest

from disparo.db.server_options import buffers_mb, server_options


@pytest.mark.parametrize(
    ("memory_mb", "mb"), [(512, 128), (1024, 128), (2048, 256), (4096, 512), (8192, 1024), (65_536, 1024)]
)
def test_an_eighth_of_the_memory_within_bounds(memory_mb, mb):
    assert buffers_mb(memory_mb) == mb


def test_this_machine_has_some():
    assert 128 <= int(server_options()["shared_buffers"].removesuffix("MB")) <= 1024
