"""Private Redis and RabbitMQ for the peers that need them: loopback, ports of their own, gone afterwards."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.stage import free_port

from bench.machine import Process, need


class Redis:
    def __init__(self, folder: Path) -> None:
        program = need("redis-server", "redis-server")
        self.port = free_port()
        command = [
            program,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(folder),
        ]
        self._process = Process(command, folder / "redis.log")
        self._process.opens(self.port)

    def stop(self) -> None:
        self._process.stop()


class RabbitMQ:
    def __init__(self, folder: Path) -> None:
        program = need("rabbitmq-server", "rabbitmq-server")
        self.port = free_port()
        home = folder / f"rabbit-{self.port}"
        home.mkdir()
        (home / "plugins").write_text("[].", encoding="ascii")
        (home / "env.conf").touch()
        self._port_mapper = str(free_port())
        environment = {
            "HOME": str(home),
            "RABBITMQ_NODENAME": f"bench{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "env.conf"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": self._port_mapper,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        # Debian's wrapper in /usr/sbin insists on the system's user; the program itself does not.
        own = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
        self._process = Process(
            [own if own.exists() else program], folder / f"rabbit-{self.port}.log", environment
        )
        self._process.opens(self.port, seconds=180)

    def stop(self) -> None:
        self._process.stop()
        # Erlang leaves a daemon of its own behind, here one on a port of ours.
        subprocess.run(["epmd", "-port", self._port_mapper, "-kill"], capture_output=True, check=False)
