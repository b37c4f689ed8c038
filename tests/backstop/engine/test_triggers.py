"""The book of armed levels finds exactly those a price has reached, each once."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.ids import AccountId, OrderLinkId, PositionId, Symbol
from backstop.domain.money import Price
from backstop.domain.protection import Level, LevelKind, PriceSource
from backstop.domain.side import PositionSide
from backstop.engine.triggers import TriggerBook

PROFILE = settings(max_examples=300, deadline=None, derandomize=True, database=None)
ACCOUNTS = [AccountId(UUID(int=1)), AccountId(UUID(int=2))]
PRICES = st.integers(1, 40).map(lambda ticks: Decimal(ticks) / 10)
IDS = st.sampled_from([OrderLinkId(f"id-{number}") for number in range(12)])
SYMBOLS = st.sampled_from([Symbol("AAAUSDT"), Symbol("BBBUSDT")])

LEVELS = st.builds(
    lambda close_id, symbol, side, kind, price: Level(
        PositionId(UUID(int=7)), symbol, side, kind, 0, Price(price), Decimal(1), close_id
    ),
    IDS,
    SYMBOLS,
    st.sampled_from(PositionSide),
    st.sampled_from(LevelKind),
    PRICES,
)
ACTIONS = st.one_of(
    st.tuples(st.just("arm"), st.sampled_from(ACCOUNTS), LEVELS),
    st.tuples(st.just("disarm"), IDS, st.none()),
    st.tuples(st.just("leave"), st.sampled_from(ACCOUNTS), st.none()),
    st.tuples(st.just("cross"), SYMBOLS, PRICES),
)


@PROFILE
@given(actions=st.lists(ACTIONS, max_size=60))
def test_book_answers_as_a_scan_of_all_levels(actions: list[tuple[str, object, object]]) -> None:
    book, scan = TriggerBook(), dict[OrderLinkId, tuple[AccountId, Level]]()
    for action in actions:
        match action:
            case ("arm", UUID() as account, Level() as level):
                book.arm(AccountId(account), level)
                scan[level.close_id] = (AccountId(account), level)
            case ("disarm", str(close_id), None):
                book.disarm(OrderLinkId(close_id))
                scan.pop(OrderLinkId(close_id), None)
            case ("leave", UUID() as account, None):
                book.disarm_account(AccountId(account))
                scan = {key: held for key, held in scan.items() if held[0] != account}
            case ("cross", str(symbol), Decimal() as price):
                found = book.cross(Symbol(symbol), float(price))
                expected = {
                    key for key, (_, level) in scan.items() if level.symbol == symbol and level.crossed_by(price)
                }
                assert {watched.level.close_id for watched in found} == expected
                assert len(found) == len(expected)
                assert all(scan[watched.level.close_id] == (watched.account_id, watched.level) for watched in found)
                scan = {key: held for key, held in scan.items() if key not in expected}
            case _:
                raise AssertionError(action)
        assert len(book) == len(scan)


def level(close_id: str, price: str, kind: LevelKind = LevelKind.STOP_LOSS) -> Level:
    return Level(
        PositionId(UUID(int=7)),
        Symbol("AAAUSDT"),
        PositionSide.LONG,
        kind,
        0,
        Price(Decimal(price)),
        Decimal(1),
        OrderLinkId(close_id),
    )


def test_level_armed_again_under_its_id_is_moved() -> None:
    book = TriggerBook()
    book.arm(ACCOUNTS[0], level("a", "99"))
    book.arm(ACCOUNTS[0], level("a", "98"))
    assert book.cross(Symbol("AAAUSDT"), 98.5) == []
    assert len(book.cross(Symbol("AAAUSDT"), 98.0)) == 1


def test_nearest_level_comes_first() -> None:
    book = TriggerBook()
    for close_id, price in (("far", "90"), ("near", "99"), ("middle", "95")):
        book.arm(ACCOUNTS[0], level(close_id, price))
    assert [watched.level.close_id for watched in book.cross(Symbol("AAAUSDT"), 80.0)] == ["near", "middle", "far"]


def test_symbol_nobody_watches_crosses_nothing() -> None:
    assert TriggerBook().cross(Symbol("ZZZUSDT"), 1.0) == []


@PROFILE
@given(digits=st.integers(1, 10**15 - 1), other=st.integers(1, 10**15 - 1), scale=st.integers(0, 12))
def test_prices_of_15_digits_compare_as_floats_as_they_do_as_decimals(digits: int, other: int, scale: int) -> None:
    one, two = Decimal(digits).scaleb(-scale), Decimal(other).scaleb(-scale)
    assert (float(one) <= float(two)) is (one <= two)
    assert (float(one) == float(two)) is (one == two)


def test_level_is_compared_with_the_price_it_names_and_no_other() -> None:
    book = TriggerBook()
    for number, source in enumerate(PriceSource):
        book.arm(ACCOUNTS[0], replace(level(f"id-{number}", "99"), trigger_by=source))
    for number, source in enumerate(PriceSource):
        assert [watched.level.close_id for watched in book.cross(Symbol("AAAUSDT"), 98.0, source)] == [f"id-{number}"]
        assert len(book) == 2 - number


def test_level_that_changes_its_price_source_is_watched_there_alone() -> None:
    book = TriggerBook()
    book.arm(ACCOUNTS[0], level("a", "99"))
    book.arm(ACCOUNTS[0], replace(level("a", "99"), trigger_by=PriceSource.MARK))
    assert book.cross(Symbol("AAAUSDT"), 98.0) == []
    assert len(book.cross(Symbol("AAAUSDT"), 98.0, PriceSource.MARK)) == 1
