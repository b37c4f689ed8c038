"""The API's transactions when the database is slow, silent or back again."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api.database import become, transaction
from tests.api.conftest import User
from tests.api.gateway_events import Api
from tests.conftest import Database
from tests.store.books import Books


class SilentProxy:
    """Passes bytes to and from the database until it is told to swallow them."""

    def __init__(self, url: str) -> None:
        parts = conninfo_to_dict(url)
        self._target = (str(parts["host"]), int(str(parts["port"])))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self._threads: list[Thread] = []
        self.silent = Event()
        self.url = make_conninfo(url, port=self._listener.getsockname()[1])

    @contextmanager
    def serving(self) -> Iterator["SilentProxy"]:
        self._run(self._accept)
        try:
            yield self
        finally:
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
            for thread in self._threads:
                thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                self._run(self._pass, client, server)
                self._run(self._pass, server, client)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not self.silent.is_set():
                    target.sendall(data)

    def _run(self, work: object, *arguments: socket.socket) -> None:
        assert callable(work)
        thread = Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()


@pytest.fixture
def proxy(api: Api, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentProxy]:
    with SilentProxy(database.url_as("backstop_api")).serving() as proxy:
        monkeypatch.setenv("BACKSTOP_API_DATABASE_URL", proxy.url)
        yield proxy


@pytest.mark.fault(3)
def test_a_database_that_goes_silent_is_given_up(proxy: SilentProxy) -> None:
    with pytest.raises(psycopg.OperationalError), transaction(None, within_s=0.2) as connection:
        proxy.silent.set()
        connection.execute("select 1")


def test_a_kept_connection_that_went_silent_is_not_waited_for_twice(proxy: SilentProxy) -> None:
    with transaction(None):
        pass
    proxy.silent.set()
    with pytest.raises(psycopg.OperationalError, match="in time"), transaction(None, within_s=0.2):
        pytest.fail("the block must not begin")


@pytest.mark.fault(3)
def test_a_database_that_never_greets_is_given_up(proxy: SilentProxy) -> None:
    proxy.silent.set()
    with pytest.raises(psycopg.OperationalError), transaction(None):
        pytest.fail("the block must not begin")


def test_it_is_used_again_when_it_is_back(proxy: SilentProxy) -> None:
    proxy.silent.set()
    with pytest.raises(psycopg.OperationalError), transaction(None, within_s=0.2):
        pytest.fail("the block must not begin")
    proxy.silent.clear()
    with transaction(None) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.fault(45)
def test_a_slow_statement_is_ended_by_the_server(api: Api) -> None:
    with pytest.raises(psycopg.OperationalError), transaction(None, within_s=0.1) as connection:
        connection.execute("select pg_sleep(60)")


def test_a_block_that_raises_leaves_nothing(user: User, books: Books) -> None:
    with pytest.raises(ZeroDivisionError), transaction(user.id) as connection:
        connection.execute("update users set email = 'changed@example.com'")
        raise ZeroDivisionError
    assert books.rows("select email from users") == [{"email": "ada@example.com"}]


def test_nobody_is_seen_before_a_user_is_named(user: User, other: User) -> None:
    with transaction(None) as connection:
        assert connection.execute("select * from users").fetchall() == []
        become(connection, user.id)
        assert connection.execute("select id from users").fetchall() == [(user.id,)]
    with transaction(None) as connection:
        assert connection.execute("select * from users").fetchall() == [], "the name ends with its transaction"


def test_one_connection_serves_request_after_request(user: User, books: Books) -> None:
    for _ in range(5):
        user.api.get("/api/me")
    (row,) = books.rows(
        "select count(*) as n from pg_stat_activity where application_name = 'backstop-api' and datname = current_database()"
    )
    assert row["n"] == 1


def test_with_the_owners_url_it_takes_its_own_role(
    user: User, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BACKSTOP_API_DATABASE_URL")
    monkeypatch.setenv("DATABASE_URL", database.url)
    with transaction(user.id) as connection:
        assert connection.execute("select current_user").fetchone() == ("backstop_api",)
