"""What users ask to be done with their positions and accounts. The streamer does it, by the same path as a signal."""

from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from backstop.store.query import Query, no_row

WORK_CHANNEL = "backstop_work"
"""NOTIFY channel; the payload is the account's id."""

Kind = Literal["close", "reverse", "protect", "halt", "resume"]


def add_command(command_id: UUID, user_id: UUID, account_id: UUID, kind: Kind, body: dict[str, Any]) -> Query[None]:
    """`body`: close {position_id, portion}, reverse {position_id}, protect {position_id, stop_loss?, take_profit?},
    halt {level}, resume {}."""
    sql = """
        insert into commands (id, user_id, account_id, kind, body)
        values (%(id)s, %(user_id)s, %(account_id)s, %(kind)s, %(body)s)"""
    parameters = {"id": command_id, "user_id": user_id, "account_id": account_id, "kind": kind, "body": Jsonb(body)}
    return Query(sql, parameters, no_row)


def notify_work(account_id: UUID) -> Query[None]:
    """Wakes the streamer that holds the account, once this transaction has committed."""
    sql = "select pg_notify(%(channel)s, %(account_id)s)"
    return Query(sql, {"channel": WORK_CHANNEL, "account_id": str(account_id)}, no_row)
