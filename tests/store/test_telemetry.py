"""Logs and metrics hold no secret."""

import json
import os
import subprocess
import sys

import pytest

from backstop.telemetry import count, logger, mask


@pytest.mark.parametrize(
    "text",
    [
        '{"secret": "hush"}',
        '{"api_secret":"hush \\" hush"}',
        "password=hush&x=1",
        "Authorization: Bearer hush.hush.hush",
        "token: 'hush'",
        "postgresql://backstop:hush@127.0.0.1/db",
        "GET /ws?ticket=hush",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert "hush" not in mask(text)
    assert "***" in mask(text)


def test_a_token_is_masked_wherever_it_stands() -> None:
    assert mask("got eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln here") == "got *** here"


def test_other_text_stays() -> None:
    assert mask("BTCUSDT closed at 64000, 3 s late") == "BTCUSDT closed at 64000, 3 s late"


def test_a_line_is_json_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logger().warning("order_refused", extra={"symbol": "BTCUSDT", "nested": [{"api_key": "hush"}]})
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["message"], line["symbol"]) == ("WARNING", "order_refused", "BTCUSDT")
    assert line["nested"] == [{"api_key": "***"}]


def test_an_exceptions_text_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("no luck with secret=hush")
    except ValueError:
        logger().exception("unhandled")
    out = capsys.readouterr().out
    assert "no luck" in out
    assert "hush" not in out


def test_a_count_is_one_line_of_embedded_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    count("signals", outcome="accepted")
    line = json.loads(capsys.readouterr().out)
    assert (line["signals"], line["outcome"]) == ([1.0], "accepted")
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Backstop"


def test_the_tracer_is_not_even_imported_for_a_request_that_is_not_sampled() -> None:
    script = (
        "import sys; from backstop.telemetry import traced\nwith traced('work'): print('aws_xray_sdk' in sys.modules)"
    )
    environment = {**os.environ, "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"}
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
