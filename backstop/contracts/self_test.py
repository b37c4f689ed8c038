"""What an account's key may do, and whether its account at the exchange is set up for trading."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from backstop.contracts.base import Moment, Outgoing

LineStatus = Literal["ok", "warning", "failed"]
Outcome = Literal["passed", "warned", "failed"]
Cause = Literal["added", "user", "daily", "key_refused"]


class SelfTestLine(Outgoing):
    code: str = Field(description="Stable name of what was looked at, e.g. `withdrawal`, `ip_binding`, `expiry`.")
    status: LineStatus
    title: str
    detail: str = Field(description="What was found and, unless it is fine, what to do.")


class SelfTest(Outgoing):
    """The newest finished self-test. Nothing is opened on an account whose last one failed; exits always go through."""

    account_id: UUID
    running: bool = Field(description="Whether another one is under way.")
    outcome: Outcome | None = Field(description="Null before the first one is finished.")
    cause: Cause | None
    finished_at: Moment | None
    lines: list[SelfTestLine]


class SelfTestAccepted(Outgoing):
    self_test_id: UUID
