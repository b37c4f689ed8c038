"""Strategies, each with its webhook."""

from uuid import UUID

from api import imports, preflights, strategies
from api.database import transaction
from api.http import Routes
from api.queries import PageQuery
from api.sessions import Caller
from backstop.contracts.alerts import AlertToTry
from backstop.contracts.base import Page
from backstop.contracts.hooks import Hook, HookPolicy, SecretRotation, SigningKey
from backstop.contracts.imports import Explanation, PastedMessage
from backstop.contracts.preflight import Preflight
from backstop.contracts.strategies import CreatedStrategy, NewStrategy, Strategy, StrategyChange
from backstop.contracts.versions import Rollback, SettingsVersion
from backstop.contracts.watch import SourceWatch
from backstop.store.paging import fetch_page
from backstop.store.query import fetch_all
from backstop.store.versions import versions_page
from backstop.store.watch import watched

routes = Routes(__name__)


@routes.get("/strategies")
def list_strategies(user: Caller, query: PageQuery) -> Page[Strategy]:
    """Your strategies, newest first."""
    with transaction(user.id) as connection:
        return fetch_page(connection, strategies.listed(user, query.page), query.limit)


@routes.post("/strategies", status=201, problems=(404, 409))
def create_strategy(user: Caller, body: NewStrategy) -> CreatedStrategy:
    """Make a strategy and its webhook. The webhook's secret is shown this once."""
    return strategies.create(user, body)


@routes.get("/strategies/{strategy_id}")
def get_strategy(user: Caller, strategy_id: UUID) -> Strategy:
    """One strategy."""
    return strategies.get(user, strategy_id)


@routes.patch("/strategies/{strategy_id}", problems=(409,))
def change_strategy(user: Caller, strategy_id: UUID, body: StrategyChange) -> Strategy:
    """Change what is named; positions that are open keep their levels."""
    return strategies.change(user, strategy_id, body)


@routes.get("/strategies/{strategy_id}/versions")
def list_strategy_versions(user: Caller, strategy_id: UUID, query: PageQuery) -> Page[SettingsVersion]:
    """A strategy's settings as they were, newest first, each with what it changed."""
    strategies.get(user, strategy_id)
    with transaction(user.id) as connection:
        return fetch_page(connection, versions_page(user.id, strategy_id, query.page), query.limit)


@routes.post("/strategies/{strategy_id}/rollback", problems=(409,))
def roll_strategy_back(user: Caller, strategy_id: UUID, body: Rollback) -> Strategy:
    """Set a strategy as it was: a new version equal to an older one. Positions that are open keep their levels."""
    return strategies.rollback(user, strategy_id, body)


@routes.delete("/strategies/{strategy_id}", problems=(409,))
def remove_strategy(user: Caller, strategy_id: UUID) -> None:
    """Remove a strategy and its webhook. Refused while it has an open position."""
    strategies.remove(user, strategy_id)


@routes.post("/strategies/{strategy_id}/secret", problems=(403,))
def rotate_secret(user: Caller, strategy_id: UUID, body: SecretRotation) -> CreatedStrategy:
    """A new webhook secret, shown this once; the old one is refused, at once or after `overlap_s`."""
    return strategies.rotate_secret(user, strategy_id, body)


@routes.get("/strategies/{strategy_id}/hook")
def get_hook(user: Caller, strategy_id: UUID) -> Hook:
    """What a strategy's webhook may ask for, and who may send to it."""
    return strategies.hook(user, strategy_id)


@routes.put("/strategies/{strategy_id}/hook", problems=(403,))
def set_hook_policy(user: Caller, strategy_id: UUID, body: HookPolicy) -> Hook:
    """Replace the policy of a strategy's webhook."""
    return strategies.set_policy(user, strategy_id, body)


@routes.post("/strategies/{strategy_id}/hook/signing-key", status=201, problems=(403,))
def make_signing_key(user: Caller, strategy_id: UUID) -> SigningKey:
    """A key to sign alerts with, for senders that can; shown this once, the one before is void."""
    return strategies.make_signing_key(user, strategy_id)


@routes.post("/strategies/{strategy_id}/preflight", asks=True)
def preflight(user: Caller, strategy_id: UUID, body: AlertToTry) -> Preflight:
    """What an alert would do now, told by the engine that would do it. Nothing is sent. 503 while it does not answer."""
    return preflights.ask(user, strategy_id, body)


@routes.post("/strategies/{strategy_id}/import", asks=True)
def import_message(user: Caller, strategy_id: UUID, body: PastedMessage) -> Explanation:
    """Explain a message of this or another service field by field: used, defaulted, ignored, or why it is refused."""
    strategies.get(user, strategy_id)
    return imports.explain(body.message)


@routes.get("/strategies/{strategy_id}/watch")
def get_source_watch(user: Caller, strategy_id: UUID) -> SourceWatch:
    """Whether the strategy's source and its positions here say the same: in sync, behind or diverged."""
    strategies.get(user, strategy_id)
    with transaction(user.id) as connection:
        return SourceWatch(symbols=fetch_all(connection, watched(strategy_id)))
