"""An order's id is the same for ever, fits the exchange, and can be read backwards."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.ids import OrderLinkId, cause_of, compact, expand, next_attempt, order_link_id
from tests.backstop.domain.values import PROFILE

ALLOWED = re.compile(r"^[A-Za-z0-9_-]{1,36}$")
LEGS = st.one_of(
    st.sampled_from(["o", "c", "p"]),
    st.integers(1, 9_999).map(lambda round_: f"s{round_}"),
    st.builds(lambda rung, round_: f"t{rung}r{round_}", st.integers(1, 10), st.integers(1, 99)),
)


@PROFILE
@given(uuid=st.uuids())
def test_compact_text_expands_to_the_same_uuid(uuid: UUID) -> None:
    text = compact(uuid)
    assert (len(text), expand(text)) == (26, uuid)


@PROFILE
@given(one=st.uuids(), other=st.uuids())
def test_different_uuids_have_different_texts(one: UUID, other: UUID) -> None:
    assert (compact(one) == compact(other)) is (one == other)


@pytest.mark.parametrize("text", ["", "0" * 25, "0" * 27, "i" * 26, "O" * 26, "z" * 26, "é" * 26])
def test_text_that_compact_did_not_write_expands_to_nothing(text: str) -> None:
    assert expand(text) is None


@PROFILE
@given(cause=st.uuids(), leg=LEGS, attempt=st.integers(1, 99))
def test_ids_fit_the_exchange_and_name_their_cause(cause: UUID, leg: str, attempt: int) -> None:
    link_id = order_link_id(cause, leg, attempt)
    assert ALLOWED.match(link_id)
    assert cause_of(link_id) == cause
    assert link_id == order_link_id(cause, leg, attempt)


@PROFILE
@given(cause=st.uuids(), leg=LEGS, attempt=st.integers(1, 98))
def test_next_attempt_counts_on(cause: UUID, leg: str, attempt: int) -> None:
    assert next_attempt(order_link_id(cause, leg, attempt)) == order_link_id(cause, leg, attempt + 1)


@PROFILE
@given(uuid=st.uuids(), legs=st.lists(st.tuples(LEGS, st.integers(1, 99)), unique=True, max_size=20))
def test_no_two_orders_of_one_cause_share_an_id(uuid: UUID, legs: list[tuple[str, int]]) -> None:
    assert len({order_link_id(uuid, leg, attempt) for leg, attempt in legs}) == len(legs)


@PROFILE
@given(text=st.text(max_size=40))
def test_any_text_is_read_without_complaint(text: str) -> None:
    assert cause_of(text) is None or ALLOWED.match(text)


@pytest.mark.parametrize("text", ["", "manual", "a-b-c", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "0" * 26 + "-s1-x"])
def test_ids_of_others_have_no_cause(text: str) -> None:
    assert cause_of(text) is None


def test_id_that_would_not_fit_is_our_own_fault() -> None:
    with pytest.raises(AssertionError):
        order_link_id(UUID(int=1), "t10r1000", 1)


def test_an_id_reads_as_cause_leg_and_attempt() -> None:
    assert order_link_id(UUID(int=33), "s1", 2) == OrderLinkId("0" * 24 + "11-s1-2")  # 33 = 1 × 32 + 1


def test_attempts_of_a_long_leg_go_on_for_as_long_as_it_takes() -> None:
    link_id = order_link_id(UUID(int=7), "t10r12")
    seen = {link_id}
    for _ in range(2_000):
        link_id = next_attempt(link_id)
        seen.add(link_id)
    assert len(seen) == 2_001
    assert max(map(len, seen)) <= 36
    assert (cause_of(link_id), link_id[27:]) == (UUID(int=7), "tx-2001")
