"""`backstop deploy`, `destroy` and `logs --stage`: what they ask and show. The work is in infra/cloud."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from infra.cloud.bundle import BundleError
from infra.cloud.deploy import CannotDeploy, Deployer, Wish
from infra.cloud.stacks import Change, StackFailed

_FAILURES = (CannotDeploy, StackFailed, BundleError, BotoCoreError, ClientError)
PARTS = ("streamer", "functions", "requests", "audit", "rejected-traffic")


def deploy(out: Console, err: Console, wish: Wish, *, yes: bool, deployer: Deployer | None = None) -> int:
    """0 done, 1 failed, 3 not agreed to."""
    doing = deployer or Deployer(tell=lambda line: out.print(f"  {line}", markup=False, highlight=False))

    def agree(stack: str, changes: Sequence[Change]) -> bool:
        _show(out, stack, changes)
        return yes or typer.confirm("Carry this out?", default=False)

    try:
        outputs = doing.deploy(wish, agree)
    except _FAILURES as error:
        err.print(f"backstop: {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    if outputs is None:
        out.print("nothing was changed")
        return 3
    _show_outputs(out, outputs)
    return 0


def destroy(out: Console, err: Console, wish: Wish, *, yes: bool, deployer: Deployer | None = None) -> int:
    """0 done, 1 failed, 3 not agreed to."""
    out.print(
        f"This takes down {wish.stack}. Positions that are open stay open at the exchange, and nobody watches them."
    )
    if not yes and typer.prompt(f"Type {wish.stage} to go on", default="", show_default=False) != wish.stage:
        out.print("nothing was changed")
        return 3
    doing = deployer or Deployer(tell=lambda line: out.print(f"  {line}", markup=False, highlight=False))
    try:
        stays = doing.destroy(wish)
    except _FAILURES as error:
        err.print(f"backstop: {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    for line in stays:
        out.print(f"stays: {line}", markup=False, highlight=False)
    return 0


def logs(out: Console, err: Console, stage: str, part: str, *, minutes: int, follow: bool, client: Any = None) -> int:
    """Print a part's log of the last minutes, and go on with what comes if asked to."""
    doing = client or boto3.client("logs")
    since = int((time.time() - minutes * 60) * 1000)
    try:
        for at, text in _events(doing, f"/backstop/backstop-{stage}/{part}", since, follow=follow):
            moment = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
            out.print(f"{moment}  {text.rstrip()}", markup=False, highlight=False, soft_wrap=True)
    except _FAILURES as error:
        err.print(f"backstop: {error}", markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _events(client: Any, group: str, since: int, *, follow: bool) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    while True:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
            for event in page["events"]:
                if event["eventId"] not in seen:
                    seen.add(event["eventId"])
                    since = max(since, event["timestamp"])
                    yield event["timestamp"], event["message"]
        if not follow:
            return
        time.sleep(2)


def _show(out: Console, stack: str, changes: Sequence[Change]) -> None:
    table = Table("", "what", "kind", title=f"{stack}: {len(changes)} changes", title_justify="left")
    for change in sorted(changes, key=lambda one: (not one.replaces, one.action, one.logical_id)):
        action = "REPLACE" if change.replaces else change.action.lower()
        table.add_row(action, change.logical_id, change.kind)
    out.print(table)


def _show_outputs(out: Console, outputs: Mapping[str, str]) -> None:
    table = Table("output", "value")
    for name, value in sorted(outputs.items()):
        table.add_row(name, value)
    out.print(table)
