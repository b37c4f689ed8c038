"""Logs, metrics and traces of every process: JSON lines, CloudWatch's embedded metrics, X-Ray on Lambda only.

Nothing that looks like a secret leaves through here, whoever logged it.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import IO, Any, cast

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

_NAMESPACE = "Backstop"
_UNITS = {"Milliseconds": MetricUnit.Milliseconds, "Seconds": MetricUnit.Seconds}
_MASK = "***"
_SECRET_NAME = r"[\w-]*(?:secret|password|passphrase|token|api_?key|authorization|cookie|ticket)[\w-]*"  # noqa: S105  # nosec B105 # names
_SECRET_KEY = re.compile(f"^{_SECRET_NAME}$", re.IGNORECASE)
_SECRET_PAIR = re.compile(
    rf"""({_SECRET_NAME}["']?\s*[:=]\s*)(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&}}\]]+)""", re.IGNORECASE
)
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_URL_PASSWORD = re.compile(r"(://[^\s:/@]+):[^\s@]+@")


def mask(text: str) -> str:
    """`text` with what looks like a secret's value replaced by `***`."""
    for pattern, shown in (
        (_BEARER, rf"\1 {_MASK}"),
        (_JWT, _MASK),
        (_URL_PASSWORD, rf"\1:{_MASK}@"),
        (_SECRET_PAIR, rf"\1{_MASK}"),
    ):
        text = pattern.sub(shown, text)
    return text


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: _MASK if _SECRET_KEY.match(str(key)) else _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    # The serialiser would write anything else (an exception, say) as text too, but after us.
    return mask(str(value))


class _MaskingFormatter(LambdaPowertoolsFormatter):
    def serialize(self, log: dict[str, Any]) -> str:  # type: ignore[override]
        return super().serialize(_masked(log))


class _StandardOutput:
    """Whatever is standard output when a line is written; Lambda's runtime and tests replace it."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@cache
def logger(service: str = "backstop") -> Logger:
    """The process's logger: one JSON object a line. Log an event's name, and its fields in `extra`."""
    return Logger(service=service, logger_formatter=_MaskingFormatter(), stream=cast("IO[str]", _StandardOutput()))


def count(metric: str, value: int = 1, **dimensions: str) -> None:
    """Add to a counter, as one line of CloudWatch's embedded metric format on standard output."""
    with single_metric(name=metric, unit=MetricUnit.Count, value=value, namespace=_NAMESPACE) as one:
        for name, text in dimensions.items():
            one.add_dimension(name=name, value=text)


def measure(service: str, **values: float) -> None:
    """Values by metric name, of one service, as one line of CloudWatch's embedded metric format on standard output.

    A name tells its unit by its ending: Seconds, Milliseconds, else a count.
    """
    metrics = EphemeralMetrics(namespace=_NAMESPACE, service=service)
    for name, value in values.items():
        unit = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), MetricUnit.Count)
        metrics.add_metric(name=name, unit=unit, value=value)
    metrics.flush_metrics()


@contextmanager
def traced(name: str) -> Iterator[None]:
    """A named span in X-Ray, for requests that Lambda samples. The tracer is slow to import, so only they import it."""
    if "Sampled=1" not in os.environ.get("_X_AMZN_TRACE_ID", ""):
        yield
        return
    with _tracer().provider.in_subsegment(name=name):
        yield


@cache
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer  # noqa: PLC0415

    return Tracer(service="backstop")
