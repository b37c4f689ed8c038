"""Making and changing strategies. One account and symbol has one position, so it belongs to one strategy."""

import secrets
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from api import audit, config
from api.accounts import position_open
from api.database import transaction
from api.errors import HttpError, not_found, wrong_field
from api.hooks import SIGNING
from api.sessions import Caller
from api.standing import require_fresh
from api.strongbox import strongbox
from api.versions import settings_of
from backstop.contracts.hooks import Hook, HookPolicy, SecretRotation, SigningKey
from backstop.contracts.strategies import CreatedStrategy, NewStrategy, Strategy, StrategyChange
from backstop.contracts.versions import Rollback
from backstop.store import hooks, versions
from backstop.store import strategies as stored
from backstop.store.accounts import lock_account
from backstop.store.commands import notify_work
from backstop.store.paging import Numbered, PageRequest
from backstop.store.query import Query, execute, fetch_all, fetch_one
from backstop.strongbox import Belonging


def listed(caller: Caller, page: PageRequest) -> Query[Numbered[Strategy]]:
    return stored.strategies_page(caller.id, page, config.webhook_url)


def get(caller: Caller, strategy_id: UUID) -> Strategy:
    """Raises HttpError 404."""
    with transaction(caller.id) as connection:
        return _found(connection, strategy_id)


def create(caller: Caller, new: NewStrategy) -> CreatedStrategy:
    """Raises HttpError 404 without the account, 409 `symbol_taken`, 422 for a symbol that is not traded there."""
    hook_id, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
    with transaction(caller.id) as connection:
        _check_symbols(connection, new.account_id, new.symbols)
        adding = stored.add_strategy(uuid4(), caller.id, new, hook_id, _hash(secret), config.webhook_url)
        strategy = fetch_one(connection, adding)
        assert strategy is not None
        execute(connection, versions.add_strategy_version(strategy.id, caller.session_id, "created"))
        audit.record(connection, caller, "strategy.added", strategy.id, **new.model_dump(mode="json"))
        fetch_all(connection, notify_work(new.account_id))
    return _with_secret(strategy, secret)


def change(caller: Caller, strategy_id: UUID, change: StrategyChange) -> Strategy:
    """A new version, where anything changes. Raises as `create`, and 409 `position_open` when a symbol with an open
    position would be dropped."""
    with transaction(caller.id) as connection:
        return _change(connection, caller, strategy_id, change)


def rollback(caller: Caller, strategy_id: UUID, wish: Rollback) -> Strategy:
    """A new version equal to an older one; none where they are equal already. Raises as `change`."""
    with transaction(caller.id) as connection:
        _found(connection, strategy_id)
        settings = settings_of(connection, strategy_id, wish)
        return _change(connection, caller, strategy_id, StrategyChange.model_validate(settings), wish.version)


def _change(
    connection: Connection[Any], caller: Caller, strategy_id: UUID, change: StrategyChange, back_to: int | None = None
) -> Strategy:
    """`back_to`: the version this goes back to."""
    named = {name: getattr(change, name) for name in change.model_fields_set if getattr(change, name) is not None}
    fetch_one(connection, stored.lock_strategy(strategy_id))
    before = _found(connection, strategy_id)
    after = before.model_copy(update=named)
    changed = _difference(before, after)
    if not changed:
        return before
    if change.symbols is not None:
        _check_symbols(connection, before.account_id, after.symbols, besides=strategy_id)
        held = set(fetch_all(connection, stored.open_symbols(strategy_id))) - set(after.symbols)
        if held:
            raise position_open(sorted(held))
    execute(connection, stored.save_strategy(after))
    cause: versions.Cause = "changed" if back_to is None else "rolled_back"
    execute(connection, versions.add_strategy_version(strategy_id, caller.session_id, cause, back_to))
    told = changed if back_to is None else {**changed, "version": back_to}
    audit.record(connection, caller, f"strategy.{cause}", strategy_id, **told)
    fetch_all(connection, notify_work(before.account_id))
    return _found(connection, strategy_id)


def remove(caller: Caller, strategy_id: UUID) -> None:
    """Raises HttpError 404, and 409 `position_open` while it has a position."""
    with transaction(caller.id) as connection:
        strategy = _found(connection, strategy_id)
        if held := fetch_all(connection, stored.open_symbols(strategy_id)):
            raise position_open(held)
        execute(connection, stored.remove_strategy(strategy_id))
        audit.record(connection, caller, "strategy.removed", strategy_id, name=strategy.name)
        fetch_all(connection, notify_work(strategy.account_id))


def rotate_secret(caller: Caller, strategy_id: UUID, wish: SecretRotation) -> CreatedStrategy:
    """Raises HttpError 404, 403 `confirmation_needed`."""
    secret = secrets.token_urlsafe(32)
    with transaction(caller.id) as connection:
        strategy = _found(connection, strategy_id)
        require_fresh(connection, caller)
        audit.record(connection, caller, "strategy.secret_rotated", strategy_id, overlap_s=wish.overlap_s)
        execute(connection, hooks.set_secret(strategy_id, _hash(secret), wish.overlap_s))
    return _with_secret(strategy, secret)


def make_signing_key(caller: Caller, strategy_id: UUID) -> SigningKey:
    """Raises HttpError 404, 403 `confirmation_needed`."""
    key = secrets.token_urlsafe(32)
    sealed = strongbox().seal(key.encode(), Belonging(strategy_id, SIGNING))
    with transaction(caller.id) as connection:
        _found(connection, strategy_id)
        require_fresh(connection, caller)
        audit.record(connection, caller, "strategy.signing_key_made", strategy_id)
        execute(connection, hooks.set_signing_key(strategy_id, sealed))
    return SigningKey(signing_key=key)


def hook(caller: Caller, strategy_id: UUID) -> Hook:
    """Raises HttpError 404."""
    with transaction(caller.id) as connection:
        return _hook(connection, strategy_id)


def set_policy(caller: Caller, strategy_id: UUID, policy: HookPolicy) -> Hook:
    """Raises HttpError 404, 403 `confirmation_needed`, 422 when a signature would be asked for without a key."""
    with transaction(caller.id) as connection:
        before = _hook(connection, strategy_id)
        require_fresh(connection, caller)
        if policy.require_signature and not before.has_signing_key:
            raise wrong_field("require_signature", "make a signing key first")
        execute(connection, hooks.save_policy(strategy_id, policy))
        old, new = before.policy.model_dump(mode="json"), policy.model_dump(mode="json")
        changed = {name: {"from": old[name], "to": new[name]} for name in new if old[name] != new[name]}
        audit.record(connection, caller, "strategy.hook_policy_changed", strategy_id, **changed)
        return _hook(connection, strategy_id)


def _hook(connection: Connection[Any], strategy_id: UUID) -> Hook:
    found = fetch_one(connection, hooks.hook_of(strategy_id, config.webhook_url))
    if found is None:
        raise not_found()
    return found


def _difference(before: Strategy, after: Strategy) -> dict[str, Any]:
    """What changed, as {field: {from, to}}."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {name: {"from": old[name], "to": new[name]} for name in new if old[name] != new[name]}


def _found(connection: Connection[Any], strategy_id: UUID) -> Strategy:
    strategy = fetch_one(connection, stored.strategy(strategy_id, config.webhook_url))
    if strategy is None:
        raise not_found()
    return strategy


def _check_symbols(
    connection: Connection[Any], account_id: UUID, symbols: list[str], besides: UUID | None = None
) -> None:
    """Holds the account's lock, so that two strategies cannot take one symbol at the same time."""
    environment = fetch_one(connection, lock_account(account_id))
    if environment is None:
        raise not_found()
    if unknown := fetch_all(connection, stored.unknown_symbols(environment, symbols)):
        raise wrong_field("symbols", f"{', '.join(unknown)} is not traded on {environment}")
    if taken := fetch_one(connection, stored.taken_symbols(account_id, symbols, besides)):
        symbol, name = taken
        raise HttpError(409, "symbol_taken", f'{symbol} is traded by the strategy "{name}" on this account')


def _with_secret(strategy: Strategy, secret: str) -> CreatedStrategy:
    return CreatedStrategy(**dict(strategy), webhook_secret=secret)


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
