"""Exchange accounts. A secret goes in and never comes out."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr

from backstop.contracts.base import Incoming, Moment, Outgoing


class Environment(StrEnum):
    SIMULATOR = "simulator"
    DEMO = "demo"
    TESTNET = "testnet"
    MAINNET = "mainnet"


class AccountStatus(StrEnum):
    CONNECTING = "connecting"
    ACTIVE = "active"
    PAUSED = "paused"


class NewAccount(Incoming):
    label: Annotated[str, Field(min_length=1, max_length=60)]
    environment: Environment
    api_key: Annotated[SecretStr, Field(min_length=4, max_length=128)]
    api_secret: Annotated[SecretStr, Field(min_length=4, max_length=4096)]


class Account(Outgoing):
    id: UUID
    label: str
    environment: Environment
    api_key_last4: str
    status: AccountStatus
    status_reason: str | None = Field(description="Why it is paused, and what to do.")
    equity: str | None = Field(description="USDT, as last read at the exchange.")
    created_at: Moment
