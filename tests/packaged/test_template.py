"""The template that is deployed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from infra.cloud import alarms
from infra.cloud.bundle import ROOT
from tests.packaged.conftest import Packaged

pytestmark = pytest.mark.timeout(400)  # building and linting take their time on a busy machine


def _lint(template: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from cfnlint.runner import main; main()", "--template", str(template)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_is_clean(packaged: Packaged) -> None:
    done = _lint(packaged.template)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_bootstrap_template_is_clean() -> None:
    done = _lint(ROOT / "infra" / "cloud" / "bootstrap.yaml")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_fault_would_be_found(packaged: Packaged, tmp_path: Path) -> None:
    broken = yaml.safe_load(packaged.template.read_text())
    broken["Resources"]["Database"]["Properties"]["StorageEncrypt"] = True
    (tmp_path / "broken.yaml").write_text(yaml.safe_dump(broken))
    assert "E3002" in _lint(tmp_path / "broken.yaml").stdout


def test_both_apis_are_generated(packaged: Packaged) -> None:
    (rest,) = packaged.of_type("AWS::Serverless::Api").values()
    assert "/api/positions/{position_id}/close" in rest["DefinitionBody"]["paths"]
    routes = {route["RouteKey"] for route in packaged.of_type("AWS::ApiGatewayV2::Route").values()}
    assert routes == {"$connect", "$disconnect", "$default"}


def test_no_alias_of_yaml_is_left(packaged: Packaged) -> None:
    """CloudFormation reads none."""
    tokens = yaml.scan(packaged.template.read_text())
    assert not [token for token in tokens if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]


def test_it_fits(packaged: Packaged) -> None:
    assert packaged.template.stat().st_size < 1_000_000
    assert len(packaged.resources) < 450  # 500 is the limit, and SAM adds some
    assert len(packaged.whole["Parameters"]) <= 200


def test_everything_that_keeps_data_is_encrypted_and_outlives_mistakes(packaged: Packaged) -> None:
    database = packaged.resources["Database"]
    assert database["DeletionPolicy"] == "Snapshot"
    assert database["Properties"]["StorageEncrypted"] is True
    assert database["Properties"]["DeletionProtection"] is True
    assert database["Properties"]["PubliclyAccessible"] is False
    for properties in packaged.of_type("AWS::SQS::Queue").values():
        assert "KmsMasterKeyId" in properties
    for name in packaged.of_type("AWS::KMS::Key"):
        assert packaged.resources[name]["DeletionPolicy"] == "Retain"
    for properties in packaged.of_type("AWS::S3::Bucket").values():
        assert all(properties["PublicAccessBlockConfiguration"].values())
        assert "BucketEncryption" in properties


def test_every_log_is_forgotten_in_time(packaged: Packaged) -> None:
    assert all("RetentionInDays" in properties for properties in packaged.of_type("AWS::Logs::LogGroup").values())
    assert packaged.whole["Globals"]["Function"]["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionLogs"}}


def test_nothing_but_the_database_and_its_proxy_is_reached_from_inside(packaged: Packaged) -> None:
    listening = {
        name: rules
        for name, properties in packaged.of_type("AWS::EC2::SecurityGroup").items()
        if (rules := properties.get("SecurityGroupIngress"))
    }
    assert set(listening) == {"DatabaseGroup", "ProxyGroup"}
    assert all(
        rule["FromPort"] == 5432 and "SourceSecurityGroupId" in rule for rules in listening.values() for rule in rules
    )
    assert packaged.resources["Streamer"]["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"][
        "AssignPublicIp"
    ] == ("DISABLED")


def test_the_new_code_waits_for_its_schema(packaged: Packaged) -> None:
    assert packaged.resources["Migration"]["Properties"]["Image"] == {"Ref": "StreamerImage"}
    waiting = ["APIHandler", "HookHandler", "WebsocketConnect", "WebsocketMessage", "WebsocketDisconnect"]
    for name in [*waiting, "DeadmanFunction", "Streamer"]:
        depends = packaged.resources[name]["DependsOn"]
        assert "Migration" in ([depends] if isinstance(depends, str) else depends), name


def test_old_and_new_streamers_overlap_and_have_time_to_drain(packaged: Packaged) -> None:
    deployment = packaged.resources["Streamer"]["Properties"]["DeploymentConfiguration"]
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    (container,) = packaged.resources["StreamerTask"]["Properties"]["ContainerDefinitions"]
    assert container["StopTimeout"] == 30
    assert container["ReadonlyRootFilesystem"] is True
    assert container["User"] not in ("0", "root")


def test_images_are_named_by_digest(packaged: Packaged) -> None:
    pattern = packaged.whole["Parameters"]["StreamerImage"]["AllowedPattern"]
    assert re.fullmatch(pattern, "1.dkr.ecr.eu-west-1.amazonaws.com/backstop@sha256:" + "0" * 64)
    assert not re.fullmatch(pattern, "1.dkr.ecr.eu-west-1.amazonaws.com/backstop:latest")


def test_one_name_serves_dashboard_api_and_socket(packaged: Packaged) -> None:
    site = packaged.resources["Site"]["Properties"]["DistributionConfig"]
    paths = {behaviour["PathPattern"]: behaviour["TargetOriginId"] for behaviour in site["CacheBehaviors"]}
    assert paths == {"/api/*": "api", "/ws": "socket"}
    # Nothing rewrites the path, so the stage must be called what the path is.
    assert packaged.resources["WebsocketAPIStage"]["Properties"]["StageName"] == "ws"
    (origin,) = (origin for origin in site["Origins"] if origin["Id"] == "api")
    assert origin["OriginPath"] == "/" + packaged.resources["RestAPI"]["Properties"]["StageName"]


def test_an_alert_goes_to_a_function_of_its_own(packaged: Packaged) -> None:
    paths = packaged.resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    targets = {
        path: str(method["x-amazon-apigateway-integration"]["uri"])
        for path, methods in paths.items()
        for method in methods.values()
        if "x-amazon-apigateway-integration" in method
    }
    assert [path for path, target in targets.items() if "HookHandler" in target] == ["/api/hooks/{hook_id}"]
    assert all("APIHandler" in target for path, target in targets.items() if path != "/api/hooks/{hook_id}")


def test_every_alarm_is_in_it_and_tells_somebody(packaged: Packaged) -> None:
    made = packaged.of_type("AWS::CloudWatch::Alarm")
    assert set(made) == {alarm.logical_id for alarm in alarms.ALARMS}
    assert all(properties["AlarmActions"] == [{"Ref": "Alarms"}] for properties in made.values())
