"""Transactions of one user. Each Lambda instance keeps one connection; threads of a local gateway get one each."""

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api import config

_CONNECT_S = 2
_KEPT = 4
_Generator = Any


class _Impatient(Connection[Any]):
    """A connection that never waits past its deadline, whatever happened to the other end.

    The server's statement_timeout does not help when the server itself, or the network, went silent.
    """

    deadline = float("inf")

    def wait(self, gen: _Generator, interval: float = 0.1, timeout: float | None = None) -> Any:
        left = max(self.deadline - time.monotonic(), 0.001)
        try:
            return super().wait(gen, interval, min(left, timeout if timeout is not None else left))
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError("the database did not answer in time") from None


_idle: deque[tuple[str, _Impatient]] = deque()
_held: ContextVar[tuple[UUID, Connection[Any]] | None] = ContextVar("held", default=None)


@contextmanager
def transaction(user_id: UUID | None, *, within_s: float = 5.0, repeatable: bool = False) -> Iterator[Connection[Any]]:
    """Run a block as one transaction that sees the rows of `user_id`, and none when it is None.

    Commits at the end of the block, rolls back if it raises.

    Args:
        within_s: for everything the block asks of the database; after that it is taken for unavailable.
        repeatable: all reads see the same moment.

    Raises:
        psycopg.OperationalError: the database is away. Only a block that has not begun is tried again.
    """
    held = _held.get()
    if held is not None and held[0] == user_id:
        with held[1].transaction():
            yield held[1]
        return
    conninfo = _conninfo()
    connection = _begin(conninfo, user_id, within_s, repeatable)
    try:
        yield connection
        connection.commit()
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()
        raise
    finally:
        _give_back(conninfo, connection)


@contextmanager
def whole(user_id: UUID) -> Iterator[Connection[Any]]:
    """Make all transactions of `user_id` that the block runs into one: all of them are committed, or none."""
    with transaction(user_id) as connection:
        token = _held.set((user_id, connection))
        try:
            yield connection
        finally:
            _held.reset(token)


def become(connection: Connection[Any], user_id: UUID) -> None:
    """From here to the end of the transaction, see the rows of `user_id`."""
    connection.execute("select set_config('app.user_id', %s, true)", [str(user_id)])


def close_connections() -> None:
    """Close those that are kept for the next request."""
    while _idle:
        _idle.pop()[1].close()


def _begin(conninfo: str, user_id: UUID | None, within_s: float, repeatable: bool) -> _Impatient:
    kept = _take(conninfo)
    if kept is not None:
        try:
            return _opened(kept, user_id, within_s, repeatable)
        except psycopg.OperationalError:
            kept.close()
            # One that broke while it lay idle is replaced; a database that is silent has had its time.
            if time.monotonic() >= kept.deadline:
                raise
    fresh = _connect(conninfo)
    try:
        return _opened(fresh, user_id, within_s, repeatable)
    except BaseException:
        fresh.close()
        raise


def _connect(conninfo: str) -> _Impatient:
    try:
        return _Impatient.connect(conninfo)
    except psycopg.OperationalError:
        # The login may have been rotated since it was read. A database that is merely away costs no second attempt.
        newest = _conninfo(anew=True)
        if newest == conninfo:
            raise
        return _Impatient.connect(newest)


def _opened(connection: _Impatient, user_id: UUID | None, within_s: float, repeatable: bool) -> _Impatient:
    connection.deadline = time.monotonic() + within_s
    connection.isolation_level = IsolationLevel.REPEATABLE_READ if repeatable else None
    connection.execute(
        "select set_config('app.user_id', %s, true), set_config('statement_timeout', %s, true)",
        [str(user_id or ""), f"{int(within_s * 1000)}ms"],
    )
    return connection


def _conninfo(*, anew: bool = False) -> str:
    url, role = config.database_url(anew=anew)
    options = [str(conninfo_to_dict(url).get("options") or ""), f"-c role={role}" if role else ""]
    return make_conninfo(
        url, options=" ".join(filter(None, options)), connect_timeout=_CONNECT_S, application_name="backstop-api"
    )


def _take(conninfo: str) -> _Impatient | None:
    while True:
        try:
            kept_for, connection = _idle.pop()
        except IndexError:
            return None
        if kept_for == conninfo and not connection.closed:
            return connection
        connection.close()


def _give_back(conninfo: str, connection: _Impatient) -> None:
    connection.deadline = float("inf")
    usable = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    if usable and not connection.closed and len(_idle) < _KEPT:
        _idle.append((conninfo, connection))
    else:
        connection.close()
