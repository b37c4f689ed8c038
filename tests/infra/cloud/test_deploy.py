"""Deploying to AWS as moto plays it: the bootstrap stack is ours, the main one small (moto knows no SAM)."""

import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends
from rich.console import Console

from infra.cli import cloud
from infra.cloud.deploy import Deployer, Wish
from infra.cloud.stacks import Stacks, Tell

ACCOUNT_ID = "123456789012"  # as moto calls it
IMAGE = "1.dkr.ecr.eu-west-1.amazonaws.com/backstop@sha256:" + "0" * 64
WISH = Wish("test", {"Size": "solo"}, IMAGE)


def small(folder: Path) -> Path:
    """A template with what the deployer looks at, and a zip."""
    folder.mkdir(parents=True)
    (folder / "deployment.zip").write_bytes(b"code")
    whole = {
        "Parameters": {name: {"Type": "String"} for name in ("Size", "StreamerImage")},
        "Resources": {"SiteBucket": {"Type": "AWS::S3::Bucket"}, "Spool": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"SiteBucketName": {"Value": {"Ref": "SiteBucket"}}, "Image": {"Value": {"Ref": "StreamerImage"}}},
    }
    (folder / "sam.yaml").write_text(yaml.safe_dump(whole))
    return folder / "sam.yaml"


class Screen:
    def __init__(self) -> None:
        self._text = io.StringIO()
        self.console = Console(file=self._text, width=140)

    @property
    def said(self) -> str:
        return self._text.getvalue()


class StacksOfMoto(Stacks):
    """moto answers no outputs of a stack that was made by a change set, until it is told to look again."""

    def carry_out(self, name: str, change_set: str, tell: Tell) -> dict[str, str]:
        super().carry_out(name, change_set, tell)
        (stack,) = [
            stack for stack in cloudformation_backends[ACCOUNT_ID]["eu-west-1"].stacks.values() if stack.name == name
        ]
        stack._parse_template()
        stack.output_map = stack._create_output_map()
        return self.outputs(name) or {}


@pytest.fixture
def dashboard(tmp_path: Path) -> Path:
    (tmp_path / "dist" / "assets").mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_text("<html>")
    (tmp_path / "dist" / "assets" / "index-1.js").write_text("1")
    return tmp_path / "dist"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.Session(region_name="eu-west-1")


def deployer(aws: Any, dashboard: Path, out: Screen) -> Deployer:
    stacks = StacksOfMoto(aws.client("cloudformation"), pause=lambda _: None)
    return Deployer(aws, tell=out.console.print, build=small, dashboard=dashboard, stacks=stacks)


def test_it_is_shown_then_done_then_told(aws: Any, dashboard: Path) -> None:
    out = Screen()
    code = cloud.deploy(out.console, out.console, WISH, yes=True, deployer=deployer(aws, dashboard, out))
    assert code == 0, out.said
    assert out.said.index("SiteBucket") < out.said.index("SiteBucketName")
    assert IMAGE in out.said
    (bucket,) = [one["Name"] for one in aws.client("s3").list_buckets()["Buckets"] if "site" in one["Name"].lower()]
    page = aws.client("s3").get_object(Bucket=bucket, Key="index.html")
    assert (page["ContentType"], page["CacheControl"]) == ("text/html", "no-cache")
    assert "immutable" in aws.client("s3").get_object(Bucket=bucket, Key="assets/index-1.js")["CacheControl"]


def test_what_is_not_agreed_to_is_not_done(aws: Any, dashboard: Path) -> None:
    out = Screen()
    assert deployer(aws, dashboard, out).deploy(WISH, lambda *_: False) is None
    assert aws.client("s3").list_buckets()["Buckets"] == []


def test_the_zip_is_named_by_what_it_holds(aws: Any, dashboard: Path) -> None:
    out = Screen()
    assert deployer(aws, dashboard, out).deploy(WISH, lambda *_: True) is not None
    outputs = Stacks(aws.client("cloudformation")).outputs("backstop-test-bootstrap")
    assert outputs is not None
    keys = [one["Key"] for one in aws.client("s3").list_objects_v2(Bucket=outputs["ArtifactBucket"])["Contents"]]
    assert sorted(key.partition("/")[0] for key in keys) == ["lambda", "template"]


def test_without_a_dashboard_it_says_how_to_build_one(aws: Any, tmp_path: Path) -> None:
    out = Screen()
    assert cloud.deploy(out.console, out.console, WISH, yes=True, deployer=deployer(aws, tmp_path, out)) == 1
    assert "make dashboard" in out.said


def test_destroyed_is_gone_and_what_stays_is_told(aws: Any, dashboard: Path) -> None:
    out = Screen()
    doing = deployer(aws, dashboard, out)
    assert doing.deploy(WISH, lambda *_: True) is not None
    assert cloud.destroy(out.console, out.console, WISH, yes=True, deployer=doing) == 0
    assert "snapshot" in out.said
    assert Stacks(aws.client("cloudformation")).outputs(WISH.stack) is None
    assert doing.destroy(WISH) == []


def test_logs_are_shown_in_order(aws: Any) -> None:
    client = aws.client("logs")
    client.create_log_group(logGroupName="/backstop/backstop-test/streamer")
    client.create_log_stream(logGroupName="/backstop/backstop-test/streamer", logStreamName="one")
    now = int(time.time() * 1000)
    events = [{"timestamp": now - 2000, "message": "first"}, {"timestamp": now - 1000, "message": "second"}]
    client.put_log_events(logGroupName="/backstop/backstop-test/streamer", logStreamName="one", logEvents=events)
    out = Screen()
    assert cloud.logs(out.console, out.console, "test", "streamer", minutes=5, follow=False, client=client) == 0
    assert out.said.index("first") < out.said.index("second")
