"""Why Backstop did not act. An expected refusal is a value; it is rendered once, at the edge."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refused:
    """We declined (the exchange was not asked). `code` is stable; `message` says what happened and what to do."""

    code: str
    message: str
    numbers: dict[str, str] = field(default_factory=dict)
