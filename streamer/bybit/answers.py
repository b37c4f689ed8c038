"""What a request can come to, other than an answer."""

from dataclasses import dataclass


class NoAnswer(Exception):
    """The request may or may not have arrived; nothing is known."""


class NotSent(NoAnswer):
    """It never left: no budget for it, no connection."""


class KeptBack(Exception):
    """Its time had run out before it could be sent."""


@dataclass
class Refusal(Exception):
    """The exchange declined, with its retCode."""

    code: int
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
