"""Questions to the process that trades an account, and its answers."""

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from backstop.contracts.alerts import AlertToTry
from backstop.contracts.preflight import Preflight
from backstop.store.query import Query, no_row

ANSWERED_WITHIN_S = 5
"""Nobody waits for an answer any longer."""


def ask(preflight_id: UUID, user_id: UUID, account_id: UUID, strategy_id: UUID, alert: AlertToTry) -> Query[None]:
    sql = """
        with old as (
          delete from preflights where user_id = %(user_id)s and asked_at < now() - interval '1 minute')
        insert into preflights (id, user_id, account_id, strategy_id, alert)
        values (%(id)s, %(user_id)s, %(account_id)s, %(strategy_id)s, %(alert)s)"""
    parameters = {
        "id": preflight_id,
        "user_id": user_id,
        "account_id": account_id,
        "strategy_id": strategy_id,
        "alert": Jsonb(alert.model_dump(mode="json", exclude={"secret"})),
    }
    return Query(sql, parameters, no_row)


def answer_of(preflight_id: UUID) -> Query[Preflight]:
    """No row while there is none."""
    sql = "select answer from preflights where id = %(id)s and answer is not null"
    return Query(sql, {"id": preflight_id}, lambda row: Preflight.model_validate(row["answer"]))


def answer(preflight_id: UUID, told: dict[str, Any]) -> Query[None]:
    sql = "update preflights set answer = %(answer)s where id = %(id)s"
    return Query(sql, {"id": preflight_id, "answer": Jsonb(told)}, no_row)
