"""Values that properties are tried with."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st

from backstop.domain.ids import Symbol
from backstop.domain.instrument import Instrument
from backstop.domain.money import Qty

PROFILE = settings(max_examples=300, deadline=None, derandomize=True, database=None)
BTC = Symbol("BTCUSDT")

STEPS = st.sampled_from(
    [Decimal(text) for text in ("0.0001", "0.001", "0.01", "0.05", "0.1", "0.25", "0.5", "1", "5", "10")]
)


def positive(digits: int) -> st.SearchStrategy[Decimal]:
    """Numbers above zero of up to so many digits, up to a million or so."""
    return st.builds(
        lambda number, scale: Decimal(number).scaleb(-scale),
        st.integers(1, 10**digits - 1),
        st.integers(max(0, digits - 7), digits),
    )


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    step = draw(STEPS)
    return Instrument(
        symbol=BTC,
        tick_size=draw(STEPS),
        qty_step=step,
        min_qty=Qty(step * draw(st.integers(1, 10))),
        max_market_qty=Qty(step * draw(st.integers(100, 1_000_000))),
        min_notional=Decimal(draw(st.integers(0, 10))),
        max_leverage=Decimal(100),
    )
