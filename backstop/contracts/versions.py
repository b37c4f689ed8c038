"""Settings as they were."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from backstop.contracts.base import Incoming, Moment, Outgoing


class SettingChange(Outgoing):
    field: str = Field(description="Such as `protection.stop_loss`.")
    before: object
    after: object


class SettingsVersion(Outgoing):
    """Versions count from 1; the highest is in force."""

    version: int
    at: Moment
    cause: Literal["created", "changed", "rolled_back"]
    rolled_back_to: int | None = Field(description="The version it is equal to, when it was rolled back.")
    session_id: UUID | None
    settings: dict[str, object]
    changes: list[SettingChange] = Field(description="Against the version before; empty for the first.")


class Rollback(Incoming):
    version: Annotated[int, Field(ge=1, le=2_147_483_647)]
