"""Each alarm has its page, and each command on it is one that exists."""

import re
import shlex
from pathlib import Path

import boto3
import pytest
from botocore import xform_name
from typer.main import get_command

from infra.cli.main import app
from infra.cloud.alarms import ALARMS, RUNBOOKS, Alarm
from infra.cloud.bundle import ROOT

PAGES = sorted((ROOT / RUNBOOKS).glob("*.md"))
# What the aws command adds to the API's own parameters, and the names it gives some of them.
_OF_THE_CLI = {"query", "output", "region", "profile", "max-items", "name-prefix"}
_BARE_OUTFILE = {("lambda", "invoke")}


def commands() -> list[tuple[str, str]]:
    blocks = [(page.name, block) for page in PAGES for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.S)]
    return [(page, line) for page, block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_each_alarm_has_its_page(alarm: Alarm) -> None:
    text = (ROOT / alarm.runbook).read_text()
    assert text.startswith(f"# {alarm.name}\n")
    assert alarm.says in text
    assert text.count("```sh") == 2


def test_no_page_is_left_over() -> None:
    assert {page.stem for page in PAGES} == {alarm.name for alarm in ALARMS} | {"README"}


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda text: text[:60])
def test_each_command_parses(page: str, line: str) -> None:
    program, *arguments = shlex.split(line)
    {"backstop": parse_ours, "aws": parse_aws}[program](arguments)


def parse_ours(arguments: list[str]) -> None:
    command = get_command(app).commands[arguments[0]]  # type: ignore[attr-defined]
    command.make_context(arguments[0], arguments[1:])


def parse_aws(arguments: list[str]) -> None:
    """Service, operation and each option, as botocore's model of the API has them."""
    service, operation, *rest = arguments
    client = boto3.client(service, region_name="eu-west-1")  # type: ignore[call-overload]
    names = {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
    model = client.meta.service_model.operation_model(names[operation])
    members = model.input_shape.members if model.input_shape is not None else {}
    known = {xform_name(name, "-") for name in members} | _OF_THE_CLI
    known |= {f"no-{name}" for name in known}
    options = [argument for argument in rest if argument.startswith("--")]
    assert [option for option in options if option.removeprefix("--") not in known] == []
    given = {option.removeprefix("--") for option in options}
    required = {xform_name(name, "-") for name in getattr(model.input_shape, "required_members", [])}
    assert required <= given, f"{required - given} are missing"
    if rest and not rest[0].startswith("--"):
        assert (service, operation) in _BARE_OUTFILE


def test_a_command_that_does_not_exist_is_found() -> None:
    with pytest.raises(KeyError):
        parse_aws(["ecs", "restart-service"])
    with pytest.raises(AssertionError):
        parse_aws(["ecs", "describe-services", "--service", "x"])


def test_where_the_pages_lie() -> None:
    assert Path(RUNBOOKS).parts == ("docs", "runbooks")
