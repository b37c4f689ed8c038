"""`backstop send`: post an alert to a hook, as TradingView would."""

from collections.abc import Mapping

from rich.console import Console

from infra import web


def send(console: Console, errors: Console, url: str, alert: Mapping[str, object]) -> int:
    """Exit status: 0 taken, 1 refused, 2 nothing answers."""
    try:
        answer = web.call("POST", url, {name: value for name, value in alert.items() if value is not None})
    except web.UnreachableError:
        errors.print("backstop: nothing answers at the hook's URL; start it with `backstop up`", markup=False)
        return 2
    body = answer.body
    if answer.ok:
        console.print(f"{body.get('status', 'accepted')}: signal {body.get('signal_id')}", markup=False)
        return 0
    reasons = [f"{it.get('field')}: {it.get('message')}" for it in body.get("errors") or [] if isinstance(it, dict)]
    reason = "; ".join(reasons) or body.get("detail") or body.get("title") or "no reason given"
    errors.print(f"backstop: refused with {answer.status}: {reason}", markup=False, soft_wrap=True)
    return 1
