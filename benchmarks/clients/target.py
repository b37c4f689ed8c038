"""What every client is told: where the exchange is. And how it says that it listens."""

import argparse
import gc
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    ws_port: int
    http_port: int
    tls: bool

    @property
    def ws(self) -> str:
        return f"{'wss' if self.tls else 'ws'}://localhost:{self.ws_port}"

    @property
    def rest(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.http_port}"

    @classmethod
    def from_arguments(cls) -> "Target":
        parser = argparse.ArgumentParser()
        parser.add_argument("ws_port", type=int)
        parser.add_argument("http_port", type=int)
        parser.add_argument("--tls", action="store_true")
        told = parser.parse_args()
        return cls(told.ws_port, told.http_port, told.tls)


def ready() -> None:
    """It is connected, subscribed and armed. Each client's garbage collector is out of the way, as ours is."""
    gc.collect()
    gc.freeze()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
