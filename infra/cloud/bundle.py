"""The Lambdas' zip and their template, built by `chalice package` without a network.

What goes into the zip is copied from this environment, which `make setup` installed from a lock file with hashes; so it
must run on what Lambda runs on: Linux, and the same Python. boto3 and what it needs stay out: Lambda's runtime brings
them, they are more than half of the whole, and the tracer would otherwise bring a botocore that is not boto3's.
"""

import compileall
import os
import platform
import py_compile
import re
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from infra.cloud import alarms

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
PACKAGES = ("api", "backstop")
"""Ours that go in."""

BROUGHT_BY_LAMBDA = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3"})
_WITHOUT_REQUIREMENTS = frozenset({"chalice"})
"""Its requirements are those of its command line; what runs in Lambda needs none of them."""

_ADDED_BY_CHALICE = frozenset({"chalice"})
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
_APP = """\
from api.app import app, replay_spooled, ws_connect, ws_disconnect, ws_message

__all__ = ["app", "replay_spooled", "ws_connect", "ws_disconnect", "ws_message"]
"""
_CONFIG = """\
{"version": "2.0", "app_name": "backstop", "api_gateway_stage": "v1", "manage_iam_role": false,
 "iam_role_arn": "arn:aws:iam::000000000000:role/each-function-gets-its-own-in-template.yaml",
 "api_gateway_endpoint_type": "REGIONAL", "minimum_compression_size": 1024, "lambda_architecture": "%s"}
"""


class WithoutAliases(yaml.SafeDumper):
    """CloudFormation reads none."""

    def ignore_aliases(self, data: object) -> bool:
        return True


class BundleError(Exception):
    """It cannot be built here; the message says why."""


def build(folder: Path) -> Path:
    """Build `deployment.zip` and `sam.yaml` in `folder`, which is made anew; returns the template's path.

    Raises BundleError on another system than Lambda's, or with what chalice said when it failed.
    """
    architecture = _architecture()
    shutil.rmtree(folder, ignore_errors=True)
    project, out = folder / "project", folder / "out"
    (project / ".chalice").mkdir(parents=True)
    (project / ".chalice" / "config.json").write_text(_CONFIG % architecture)
    (project / "app.py").write_text(_APP)
    (project / "requirements.txt").write_text("")
    _fill(project / "vendor")
    command = [sys.executable, "-c", "from chalice.cli import main; main()", "--project-dir", str(project), "package"]
    command += ["--stage", "prod", "--pkg-format", "cloudformation", "--template-format", "yaml"]
    command += ["--merge-template", str(TEMPLATE), str(out)]
    # Chalice imports the app to find its routes: with what will be in the zip, not with what is around here.
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BACKSTOP_"))},
        "PYTHONPATH": str(project / "vendor"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise BundleError(f"chalice package failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return _finish(out / "sam.yaml")


def requirements_of_api() -> dict[str, Distribution]:
    """Every distribution that goes into the zip, by its normalised name."""
    found: dict[str, Distribution] = {}
    waiting = [("backstop", frozenset({"api"}))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen or name in BROUGHT_BY_LAMBDA:
            continue
        seen.add((name, extras))
        found[name] = distribution(name)
        if name in _WITHOUT_REQUIREMENTS:
            continue
        for text in found[name].requires or ():
            requirement = Requirement(text)
            asked = [{"extra": extra} for extra in extras] or [{"extra": ""}]
            if requirement.marker is None or any(requirement.marker.evaluate(one) for one in asked):
                waiting.append((_normalised(requirement.name), frozenset(requirement.extras)))
    return {name: found[name] for name in sorted(found) if name != "backstop"}


def _fill(vendor: Path) -> None:
    vendor.mkdir()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, vendor / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, brought in requirements_of_api().items():
        if name not in _ADDED_BY_CHALICE:
            _copy(brought, vendor)
    # Without .pyc each cold start compiles everything (some 0.6 s); a hash that is not checked outlives zip's dates.
    compileall.compile_dir(
        str(vendor),
        quiet=2,
        workers=1,
        stripdir=str(vendor),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def _finish(template: Path) -> Path:
    """Add what is made from code, and have the functions of ours that share the zip run on what it was built for."""
    whole = yaml.safe_load(template.read_text())
    generated = whole["Resources"]["APIHandler"]["Properties"]
    for resource in whole["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function" and "CodeUri" in resource["Properties"]:
            resource["Properties"] |= {name: generated[name] for name in ("Runtime", "Architectures")}
    whole["Resources"] |= alarms.resources()
    template.write_text(yaml.dump(whole, Dumper=WithoutAliases, sort_keys=False, width=10_000))
    return template


def _copy(brought: Distribution, vendor: Path) -> None:
    for file in brought.files or ():
        if ".." in file.parts or "__pycache__" in file.parts or file.suffix in (".pyc", ".pyi"):
            continue
        source, target = Path(str(brought.locate_file(file))), vendor / Path(*file.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _architecture() -> str:
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        raise BundleError("the Lambdas' zip holds compiled code: build it on Linux (x86_64 or arm64)")
    if not (3, 11) <= sys.version_info[:2] <= (3, 14):
        raise BundleError("Lambda runs Python 3.11 to 3.14: make setup with one of these")
    return _ARCHITECTURES[platform.machine()]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
