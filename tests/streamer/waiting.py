"""Waiting for what announces itself to no one, with a deadline."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 20.0


async def eventually(look: Callable[[], T | None], what: str = "", within_s: float = PATIENCE_S) -> T:
    """What `look` finds, as soon as it finds it."""
    try:
        async with asyncio.timeout(within_s):
            while True:
                found = look()
                if found:
                    return found
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not seen within {within_s:.0f} s: {what or look}") from None
