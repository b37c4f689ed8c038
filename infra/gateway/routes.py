"""Which route of the API a path means, as API Gateway resolves it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Route:
    """One path of the API, such as /api/accounts/{id}, and what may be asked of it."""

    resource: str
    methods: frozenset[str]
    cors_headers: Mapping[str, str] | None = None

    @property
    def parts(self) -> list[str]:
        """The segments, parameters in braces."""
        return _split(self.resource)

    @property
    def preflight_headers(self) -> dict[str, str]:
        """What the mock integration behind OPTIONS answers; see Chalice's packaged template."""
        methods = ",".join(sorted({*self.methods, "OPTIONS"}))
        return {**(self.cors_headers or {}), "Access-Control-Allow-Methods": methods}


@dataclass(frozen=True, slots=True)
class Match:
    """A route and the values of its path parameters, percent-encoded as they came."""

    route: Route
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Api:
    """What the gateway knows of the API: read once, never asked again."""

    routes: tuple[Route, ...] = ()
    binary_types: frozenset[str] = field(default_factory=frozenset)

    def match(self, path: str) -> Match | None:
        """Find the route of a percent-encoded path; a fixed segment wins over a parameter."""
        given = _split(path)
        found = [(route, values) for route in self.routes if (values := _values(route.parts, given)) is not None]
        if not found:
            return None
        route, values = min(found, key=lambda it: [part.startswith("{") for part in it[0].parts])
        return Match(route, values)


def _values(parts: list[str], given: list[str]) -> dict[str, str] | None:
    if len(parts) != len(given):
        return None
    values = {}
    for part, value in zip(parts, given, strict=True):
        if part.startswith("{") and value:
            values[part[1:-1]] = value
        elif part != value:
            return None
    return values


def _split(path: str) -> list[str]:
    return path.strip("/").split("/")
