"""What a user asks to be done with a position. It is stored here, and done by the streamer."""

from typing import Any
from uuid import UUID, uuid4

from api import audit
from api.database import transaction
from api.errors import HttpError, not_found, wrong_field
from api.sessions import Caller
from backstop.contracts.trading import ClosePosition, CommandAccepted, Position, ProtectionChange, ReversePosition
from backstop.domain.position import PositionStatus
from backstop.store.commands import Kind, add_command, notify_work
from backstop.store.query import execute, fetch_all, fetch_one
from backstop.store.views import position


def get(caller: Caller, position_id: UUID) -> Position:
    """Raises HttpError 404."""
    with transaction(caller.id) as connection:
        found = fetch_one(connection, position(position_id))
    if found is None:
        raise not_found()
    return found


def close(caller: Caller, position_id: UUID, wish: ClosePosition) -> CommandAccepted:
    return _submit(caller, position_id, "close", {"portion": wish.portion})


def reverse(caller: Caller, position_id: UUID, _wish: ReversePosition) -> CommandAccepted:
    return _submit(caller, position_id, "reverse", {})


def protect(caller: Caller, position_id: UUID, wish: ProtectionChange) -> CommandAccepted:
    """Raises HttpError 422 when nothing is named."""
    named = {name: value for name, value in wish.model_dump(mode="json").items() if _is_named(wish, name, value)}
    if not named:
        raise wrong_field("body", "name stop_loss, take_profit, trailing, break_even or time_exit_s")
    return _submit(caller, position_id, "protect", named)


def _is_named(wish: ProtectionChange, name: str, value: object) -> bool:
    """Null takes trailing, break-even and time exit away; of a stop and targets it says nothing."""
    can_be_taken_away = name in ("trailing", "break_even", "time_exit_s") and name in wish.model_fields_set
    return value is not None or can_be_taken_away


def _submit(caller: Caller, position_id: UUID, kind: Kind, body: dict[str, Any]) -> CommandAccepted:
    """Raises HttpError 404, and 409 `position_closed`."""
    command_id = uuid4()
    with transaction(caller.id) as connection:
        found = fetch_one(connection, position(position_id))
        if found is None:
            raise not_found()
        if found.status is PositionStatus.CLOSED:
            raise HttpError(409, "position_closed", f"the position in {found.symbol} is closed already")
        wish = {"position_id": str(position_id), **body}
        execute(connection, add_command(command_id, caller.id, found.account_id, kind, wish))
        audit.record(connection, caller, f"position.{kind}", position_id, command_id=str(command_id), **body)
        fetch_all(connection, notify_work(found.account_id))
    return CommandAccepted(command_id=command_id)
