"""An alert of the past, given again to a strategy that trades no real money."""

from hashlib import sha256
from uuid import UUID, uuid4

from api import audit, config
from api.database import transaction
from api.errors import HttpError, not_found, unprocessable, wrong_field
from api.hooks import misfits
from api.sessions import Caller
from backstop.contracts.accounts import Environment
from backstop.contracts.alerts import AlertWish
from backstop.contracts.trading import Replay, SignalAnswer
from backstop.domain.signal import SignalStatus
from backstop.store import signals, views
from backstop.store.commands import notify_work
from backstop.store.dashboards import append_event
from backstop.store.query import fetch_all, fetch_one
from backstop.store.signals import NewSignal
from backstop.store.strategies import strategy, trading


def replay(caller: Caller, signal_id: UUID, wish: Replay) -> SignalAnswer:
    """A new signal that asks for the same, now: the time and the id of the first are left out, its age and its copies
    would have it refused. The policy of the webhook is not asked, nobody sends here but the owner.

    Raises HttpError 404; 409 `not_understood`, `strategy_disabled`; 422 where money is real or the strategy is unknown or
    does not trade this.
    """
    new_id = uuid4()
    with transaction(caller.id) as connection:
        first = views.read_flight_record(connection, signal_id)
        chosen = fetch_one(connection, strategy(wish.strategy_id, config.webhook_url))
        terms = fetch_one(connection, trading(wish.strategy_id))
        if first is None:
            raise not_found()
        if chosen is None or terms is None:
            raise wrong_field("strategy_id", "is no strategy of yours")
        if first.parsed is None:
            raise HttpError(409, "not_understood", "the alert was not understood; there is nothing to do again")
        if terms.environment == Environment.MAINNET:
            raise wrong_field("strategy_id", "trades real money; an alert is only replayed without")
        if not terms.enabled:
            raise HttpError(409, "strategy_disabled", "the strategy is switched off")
        alert = AlertWish.model_validate(first.parsed | {"id": None, "time": None})
        if errors := misfits(connection, alert, terms):
            raise unprocessable(errors)
        again = NewSignal(
            id=new_id,
            user_id=caller.id,
            account_id=chosen.account_id,
            strategy_id=chosen.id,
            dedupe_key=f"replay:{new_id}",
            body_hash=sha256(new_id.bytes).digest(),
            raw=first.raw,
            parsed=alert.model_dump(mode="json"),
            symbol=alert.symbol,
            action=alert.action.value,
            qty=alert.qty,
            status=SignalStatus.ACCEPTED,
            source={
                "ip": caller.source_ip,
                "proved_by": "session",
                "dialect": first.source.dialect if first.source is not None else "native",
                "client_certificate": None,
                "tradingview_certificate": False,
                "replay_of": str(signal_id),
            },
        )
        fetch_one(connection, signals.add_signal(again))
        told = fetch_one(connection, views.signal(new_id))
        assert told is not None
        fetch_one(connection, append_event(caller.id, "signal", told))
        audit.record(connection, caller, "signal.replayed", new_id, replay_of=str(signal_id), strategy=chosen.name)
        fetch_all(connection, notify_work(chosen.account_id))
    return SignalAnswer(signal_id=new_id, status="accepted")
