"""Reported and not yet mended: a violation that one of these explains is counted apart. Each goes when it is mended."""

from dataclasses import dataclass

from tests.simulation.checks import Violation


@dataclass(frozen=True, slots=True)
class Known:
    number: int
    invariant: str
    part_of_text: str
    what: str

    def explains(self, violation: Violation) -> bool:
        return violation.invariant.startswith(self.invariant) and self.part_of_text in violation.text


KNOWN: tuple[Known, ...] = ()


def known(violation: Violation) -> Known | None:
    return next((bug for bug in KNOWN if bug.explains(violation)), None)
