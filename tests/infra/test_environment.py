"""What each child process is told, and what it is not."""

from pathlib import Path

import psycopg
import pytest

from infra.environment import Part, Place, environment_of, with_role
from infra.postgres import temporary_postgres

PLACE = Place(Path("/home/it"), 8001, 8101)
URL = "postgresql://backstop:secret@127.0.0.1:5432/backstop"
PARTS: tuple[Part, ...] = ("simulator", "gateway", "streamer")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, f"{URL}?options=-c%20role%3Dbackstop_api"),
        (f"{URL}?sslmode=require", f"{URL}?sslmode=require&options=-c%20role%3Dbackstop_api"),
        (
            f"{URL}?options=-c%20statement_timeout%3D5s",
            f"{URL}?options=-c%20statement_timeout%3D5s%20-c%20role%3Dbackstop_api",
        ),
    ],
)
def test_a_role_is_added_and_other_parameters_stay(url: str, expected: str) -> None:
    assert with_role(url, "backstop_api") == expected


def test_the_database_takes_the_role_on() -> None:
    with temporary_postgres() as server:
        with psycopg.connect(server.database_url) as owner:
            owner.execute("create role backstop_api nologin")
        url = with_role(f"{server.database_url}?application_name=a%20b", "backstop_api")
        with psycopg.connect(url) as connection:
            found = connection.execute("select current_user, current_setting('application_name')").fetchone()
    assert found == ("backstop_api", "a b")


def test_only_the_streamer_may_open_what_the_vault_sealed() -> None:
    given = {part: environment_of(part, {}, PLACE, URL) for part in PARTS}
    assert [part for part in PARTS if "BACKSTOP_VAULT_PRIVATE_KEY_FILE" in given[part]] == ["streamer"]
    assert [part for part in PARTS if "BACKSTOP_JWT_KEYS_FILE" in given[part]] == ["gateway"]


def test_no_part_sees_the_owners_database_url_or_anothers() -> None:
    base = {"DATABASE_URL": URL}
    given = {part: environment_of(part, base, PLACE, URL) for part in PARTS}
    seen = {part: sorted(name for name in given[part] if name.endswith("DATABASE_URL")) for part in PARTS}
    assert seen == {
        "simulator": [],
        "gateway": ["BACKSTOP_API_DATABASE_URL"],
        "streamer": ["BACKSTOP_STREAMER_DATABASE_URL"],
    }


def test_what_the_user_set_stays() -> None:
    base = {"BACKSTOP_BYBIT_REST_URL": "https://api-testnet.bybit.com", "AWS_DEFAULT_REGION": "eu-west-1", "X": "1"}
    given = environment_of("streamer", base, PLACE, URL)
    assert base.items() <= given.items()
    assert given["BACKSTOP_BYBIT_TRADE_WS_URL"] == "ws://127.0.0.1:8101/v5/trade"


def test_the_ports_are_the_checked_ones() -> None:
    given = environment_of("gateway", {"BACKSTOP_PORT": "1"}, PLACE, URL)
    assert (given["BACKSTOP_PORT"], given["BACKSTOP_SIM_PORT"]) == ("8001", "8101")
    assert given["BACKSTOP_WS_ENDPOINT"] == given["BACKSTOP_PUBLIC_URL"] == "http://127.0.0.1:8001"
