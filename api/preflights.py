"""Asking the process that trades an account what an alert would do; it decides on what it knows, and sends nothing."""

import time
from uuid import UUID, uuid4

from api import config
from api.database import transaction
from api.errors import HttpError, not_found, unprocessable
from api.hook_policy import out_of_scope
from api.hooks import misfits
from api.sessions import Caller
from backstop.contracts.alerts import AlertToTry
from backstop.contracts.preflight import Preflight
from backstop.store import hooks, preflights
from backstop.store.commands import notify_work
from backstop.store.query import execute, fetch_all, fetch_one
from backstop.store.strategies import strategy, trading

_WITHIN_S = 3.0
_LOOK_EVERY_S = 0.05


def ask(caller: Caller, strategy_id: UUID, alert: AlertToTry) -> Preflight:
    """Raises HttpError: 404; 422 when the webhook would not take it; 503 `no_answer` while nobody trades the account."""
    preflight_id = uuid4()
    with transaction(caller.id) as connection:
        asked = fetch_one(connection, strategy(strategy_id, config.webhook_url))
        terms, hook = (
            fetch_one(connection, trading(strategy_id)),
            fetch_one(connection, hooks.hook_of(strategy_id, str)),
        )
        if asked is None or terms is None or hook is None:
            raise not_found()
        if errors := misfits(connection, alert, terms):
            raise unprocessable(errors)
        price = fetch_one(connection, hooks.last_price(terms.environment, alert.symbol))
        entries = fetch_one(connection, hooks.entries_today(strategy_id)) or 0
        refused = out_of_scope(hook.policy, alert, price[0] if price is not None else None, entries)
        if refused is not None:
            return Preflight(outcome="refused", code=refused.code, reason=refused.message, entry=None, orders=[])
        execute(connection, preflights.ask(preflight_id, caller.id, asked.account_id, strategy_id, alert))
        fetch_all(connection, notify_work(asked.account_id))
    until = time.monotonic() + _WITHIN_S
    while time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
        with transaction(caller.id) as connection:
            answer = fetch_one(connection, preflights.answer_of(preflight_id))
        if answer is not None:
            return answer
    raise HttpError(503, "no_answer", "the account is not being traded right now; see /api/health")
