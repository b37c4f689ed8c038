"""`python -m infra.advisories`: are there advisories against what requirements/dev.lock installs?

Exit 0 when there are none, or when nobody could be asked, which is said; 1 when there are, or with ADVISORIES=required when
nobody could be asked. pip-audit answers "none" for a package it could not look up: so it is first asked for one of which an
advisory is known, and only who knows that one is believed.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

LOCK = Path(__file__).parents[1] / "requirements" / "dev.lock"
KNOWN = "urllib3==1.24.1"
"""PYSEC-2019-132 and others."""

_WITHIN_S = 120

Ask = Callable[[Sequence[str]], list[dict[str, Any]]]
"""pip-audit's findings for some pinned packages. Raises NoAnswer."""


class NoAnswer(Exception):
    """Nothing can be said of the packages; the message says why."""


@dataclass(frozen=True, slots=True)
class Audit:
    """`vulnerable`: package, version, advisories. `unknown`: packages nothing could be said of."""

    checked: int
    vulnerable: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def audit(pins: Sequence[str], ask: Ask) -> Audit:
    """Raises NoAnswer."""
    if not any(found.get("vulns") for found in ask([KNOWN])):
        raise NoAnswer(f"the service knows nothing of {KNOWN}, of which there are advisories")
    findings = ask(pins)
    vulnerable = [
        f"{found['name']} {found['version']}: {', '.join(one['id'] for one in found['vulns'])}"
        for found in findings
        if found.get("vulns")
    ]
    unknown = [found["name"] for found in findings if "skip_reason" in found]
    return Audit(len(findings) - len(unknown), tuple(vulnerable), tuple(unknown))


def pinned(lock: str) -> list[str]:
    """`name==version` of what a lock would install here."""
    found = []
    for line in lock.splitlines():
        if line[:1] in ("", " ", "#"):
            continue
        try:
            requirement = Requirement(line.removesuffix("\\").strip())
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            found.append(f"{requirement.name}{requirement.specifier}")
    return found


def ask_pip_audit(pins: Sequence[str]) -> list[dict[str, Any]]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins))
        file.flush()
        options = ["--disable-pip", "--no-deps", "--format", "json", "--progress-spinner", "off", "--timeout", "5"]
        command = [sys.executable, "-m", "pip_audit", "--requirement", file.name, *options]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_WITHIN_S, check=False)  # noqa: S603 - ours
        except subprocess.TimeoutExpired:
            raise NoAnswer(f"no answer within {_WITHIN_S} s") from None
    try:
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it says nothing"]
        raise NoAnswer(said[-1][:200]) from None
    return dependencies


def main(ask: Ask = ask_pip_audit, lock: Path = LOCK) -> int:
    required = os.environ.get("ADVISORIES") == "required"
    try:
        found = audit(pinned(lock.read_text()), ask)
    except NoAnswer as why:
        sys.stdout.write(f"advisories: NOT KNOWN, nobody could be asked ({why})\n")
        return 1 if required else 0
    if found.unknown:
        sys.stdout.write(f"advisories: NOT KNOWN of {len(found.unknown)} packages: {', '.join(found.unknown[:10])}\n")
    for line in found.vulnerable:
        sys.stdout.write(f"advisories: {line}\n")
    sys.stdout.write(f"advisories: {len(found.vulnerable)} of {found.checked} packages have some\n")
    return 1 if found.vulnerable or (required and found.unknown) else 0


if __name__ == "__main__":
    sys.exit(main())
