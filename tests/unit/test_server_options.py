"""How much memory our private PostgreSQL takes for itself."""

import os

import pytest

from disparo.db.server_options import buffers_mb, memory_mb, server_options

MACHINE_MB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_048_576


@pytest.mark.parametrize(
    ("memory", "mb"), [(512, 128), (1024, 128), (2048, 256), (4096, 512), (8192, 1024), (65_536, 1024)]
)
def test_an_eighth_of_the_memory_within_bounds(memory, mb):
    assert buffers_mb(memory) == mb


@pytest.fixture
def says(tmp_path):
    """Write what a machine says of itself: file to text."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("memory_max", "memory.max")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return memory_mb(tmp_path / "proc", tmp_path / "groups")

    return write


def test_without_a_limit_it_is_the_machines(says):
    assert says() == MACHINE_MB
    assert says(proc__self__cgroup="0::/a.slice/b.service\n", groups__memory_max="max\n") == MACHINE_MB


def test_a_container_may_see_less_than_the_machine_has(says):
    assert says(proc__meminfo="MemTotal:  262144 kB\nMemFree: 1 kB\n") == 256


def test_the_limit_of_the_group_or_of_one_around_it_counts(says):
    limits = {"groups__a__b__memory_max": "max\n", "groups__a__memory_max": "134217728\n"}
    assert says(proc__self__cgroup="0::/a/b\n", **limits) == 128


def test_the_server_is_told():
    assert server_options()["shared_buffers"] == f"{buffers_mb(memory_mb())}MB"
