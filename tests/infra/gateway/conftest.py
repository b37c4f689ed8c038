from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from infra.gateway.link import Limits
from infra.gateway.server import GatewayConfig, running
from infra.gateway.sockets import Handlers
from infra.processes import free_port

SAMPLE = "tests.infra.gateway.sample_app"
REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway over the sample app, and a client of it."""

    url: str
    folder: Path
    http: aiohttp.ClientSession


def sample_config(
    folder: Path, *, app: str = "app", limits: Limits | None = None, timeout_s: float = 29.0
) -> GatewayConfig:
    return GatewayConfig(
        port=free_port(),
        app=f"{SAMPLE}:{app}",
        handlers=Handlers(f"{SAMPLE}:ws_connect", f"{SAMPLE}:ws_message", f"{SAMPLE}:ws_disconnect"),
        dashboard=folder / "dist",
        instances=2,
        limits=limits or Limits(),
        timeout_s=timeout_s,
    )


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def timeout_s() -> float:
    return 29.0


@pytest.fixture
async def gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits, timeout_s: float
) -> AsyncIterator[Gateway]:
    config = sample_config(tmp_path, limits=limits, timeout_s=timeout_s)
    monkeypatch.chdir(REPOSITORY)  # so that the instances find the sample app
    monkeypatch.setenv("SAMPLE_FOLDER", str(tmp_path))
    monkeypatch.setenv("BACKSTOP_WS_ENDPOINT", f"http://127.0.0.1:{config.port}")
    async with running(config) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        yield Gateway(f"http://127.0.0.1:{port}", tmp_path, http)
