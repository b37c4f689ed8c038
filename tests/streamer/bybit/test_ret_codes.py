"""What each retCode proves."""

import pytest

from backstop.engine.events import Verdict
from streamer.bybit.ret_codes import (
    DUPLICATE_LINK_ID,
    KEY_TROUBLE,
    Meaning,
    meaning_of,
    stop_already_passed,
    verdict_of,
)

TABLE = {
    Meaning.DONE: (0, 110043, 110025, 110026, 34040),
    Meaning.RETRY: (10002, 10006, 110079),
    Meaning.NOTHING_TO_REDUCE: (110017,),
    Meaning.FINAL: (10001, 10003, 10004, 10005, 10010, 33004, -2015, 110004, 110007, 110012, 110044, 110045, 110003,
                    110013, 110021, 110023, 30228, 110066, 110074, 110090, 110092, 110093, 110094, 110120, 110121,
                    110123, 110124, 110125),
    Meaning.AMBIGUOUS: (429, 10429, 10000, 10014, 10016, 10019, 20003, 20006, 110072, 340099, 3400214, 500000),
}  # fmt: skip


@pytest.mark.parametrize(("code", "meaning"), [(code, meaning) for meaning, codes in TABLE.items() for code in codes])
def test_meaning_of_code(code: int, meaning: Meaning) -> None:
    assert meaning_of(code) is meaning


@pytest.mark.parametrize("code", [1, -1, 999_999, 10**12])
@pytest.mark.fault(21)
def test_code_nobody_knows_proves_nothing(code: int) -> None:
    assert meaning_of(code) is Meaning.AMBIGUOUS
    assert verdict_of(meaning_of(code)) is None


def test_duplicate_link_id_is_never_a_refusal() -> None:
    """The first send was taken."""
    assert verdict_of(meaning_of(DUPLICATE_LINK_ID)) is None


@pytest.mark.parametrize(
    ("meaning", "verdict"),
    [
        (Meaning.RETRY, Verdict.RETRY),
        (Meaning.NOTHING_TO_REDUCE, Verdict.NOTHING_TO_REDUCE),
        (Meaning.FINAL, Verdict.FINAL),
        (Meaning.DONE, None),
        (Meaning.AMBIGUOUS, None),
    ],
)
def test_verdict_of_meaning(meaning: Meaning, verdict: Verdict | None) -> None:
    assert verdict_of(meaning) is verdict


@pytest.mark.parametrize("code", sorted(KEY_TROUBLE))
def test_key_trouble_is_final_for_the_order(code: int) -> None:
    assert meaning_of(code) is Meaning.FINAL


@pytest.mark.parametrize(
    ("code", "message", "passed"),
    [
        (110092, "", True),
        (110093, "", True),
        (10001, "StopLoss:590000000 set for Buy position should lower than base_price:580000000??LastPrice", True),
        (10001, "can not set tp/sl/ts for zero position", False),
        (110007, "base_price", False),
    ],
)
def test_stop_already_passed(code: int, message: str, passed: bool) -> None:
    assert stop_already_passed(code, message) is passed
