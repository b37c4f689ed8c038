"""Is it alive, and how old is what it says."""

from typing import Literal

from pydantic import Field

from backstop.contracts.base import Outgoing


class StreamerHealth(Outgoing):
    alive: bool
    heartbeat_age_ms: int | None


class StreamHealth(Outgoing):
    state: Literal["connected", "stale", "disconnected", "idle"]
    age_ms: int | None = Field(description="Since the last message.")


class RestHealth(Outgoing):
    state: Literal["ok", "banned"] = Field(description="banned: Bybit shuts our address out; only closes are tried.")
    retry_in_ms: int | None = Field(default=None, description="Until the exchange lets us in again.")


class BybitHealth(Outgoing):
    public: StreamHealth
    private: StreamHealth
    rest: RestHealth = RestHealth(state="ok")


class Health(Outgoing):
    status: Literal["ok", "degraded"]
    database: Literal["ok", "unavailable"]
    streamer: StreamerHealth
    bybit: BybitHealth
    version: str
