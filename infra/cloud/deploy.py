"""`backstop deploy` and `destroy`: from an account with nothing in it to a running Backstop, and back."""

import base64
import hashlib
import json
import mimetypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import yaml

from infra.cloud import bundle
from infra.cloud.stacks import Change, Source, Stacks, Tell

BOOTSTRAP = Path(__file__).with_name("bootstrap.yaml")
DOCKERFILE = bundle.ROOT / "infra" / "streamer" / "Dockerfile"
DASHBOARD = bundle.ROOT / "frontend" / "dist"

Agree = Callable[[str, Sequence[Change]], bool]


class CannotDeploy(Exception):
    """Something needed is not here; the message says what and how to get it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be deployed. `image`: by digest, or None to build it with Docker."""

    stage: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None

    @property
    def stack(self) -> str:
        return f"backstop-{self.stage}"


class Deployer:
    """Does it, telling each step. `build` makes the template and its zip in a folder."""

    def __init__(
        self,
        session: Any = None,
        *,
        tell: Tell,
        build: Callable[[Path], Path] = bundle.build,
        dashboard: Path = DASHBOARD,
        stacks: Stacks | None = None,
    ) -> None:
        self._session = session or boto3.Session()
        self._tell = tell
        self._build = build
        self._dashboard = dashboard
        self._stacks = stacks or Stacks(self._session.client("cloudformation"))

    def deploy(self, wish: Wish, agree: Agree) -> dict[str, str] | None:
        """Returns the outputs, or None when the changes were not agreed to. Raises CannotDeploy, StackFailed,
        BundleError and botocore's errors."""
        if not (self._dashboard / "index.html").is_file():
            raise CannotDeploy("the dashboard is not built: make dashboard")
        base = self._bootstrap(wish, agree)
        if base is None:
            return None
        image = wish.image or self._push_image(base["ImageRepository"])
        self._tell("building the Lambdas' zip")
        with tempfile.TemporaryDirectory() as folder:
            source = self._upload(self._build(Path(folder) / "bundle"), base["ArtifactBucket"])
        parameters = {**wish.parameters, "StreamerImage": image}
        outputs = self._apply(wish.stack, source, parameters, agree)
        if outputs is not None:
            self._publish(outputs)
        return outputs

    def destroy(self, wish: Wish) -> list[str]:
        """Take the stack down; returns what stays and why. The database leaves a snapshot behind."""
        outputs = self._stacks.outputs(wish.stack)
        if outputs is None:
            return []
        if (database := self._stacks.resource(wish.stack, "Database")) is not None:
            self._session.client("rds").modify_db_instance(
                DBInstanceIdentifier=database, DeletionProtection=False, ApplyImmediately=True
            )
        if (cluster := self._stacks.resource(wish.stack, "Cluster")) is not None:
            self._session.client("rds").modify_db_cluster(
                DBClusterIdentifier=cluster, DeletionProtection=False, ApplyImmediately=True
            )
        if site := outputs.get("SiteBucketName"):
            self._session.resource("s3").Bucket(site).object_versions.delete()
        self._stacks.delete(wish.stack, self._tell)
        return [
            "the database's last snapshot (restore it with --snapshot)",
            "both KMS keys: without them the snapshot and the exchange keys in it are lost",
            "the egress addresses, to which users bound their exchange keys (each costs some USD 4 a month unused)",
            "the audit trail's bucket, and the bootstrap stack with images and templates",
        ]

    def _bootstrap(self, wish: Wish, agree: Agree) -> dict[str, str] | None:
        return self._apply(f"{wish.stack}-bootstrap", Source(body=BOOTSTRAP.read_text()), {}, agree)

    def _apply(self, stack: str, source: Source, parameters: Mapping[str, str], agree: Agree) -> dict[str, str] | None:
        change_set, changes = self._stacks.propose(stack, source, parameters)
        if not changes:
            self._tell(f"{stack}: nothing to change")
            return self._stacks.outputs(stack)
        if not agree(stack, changes):
            self._stacks.discard(stack, change_set)
            return None
        return self._stacks.carry_out(stack, change_set, self._tell)

    def _upload(self, template: Path, bucket: str) -> Source:
        """Zip and template, named by what they hold: the same again is the same, and an old one stays for a way back."""
        s3 = self._session.client("s3")
        whole = yaml.safe_load(template.read_text())
        archive = template.with_name("deployment.zip")
        if archive.exists():
            code = f"lambda/{_digest(archive)}.zip"
            s3.upload_file(str(archive), bucket, code)
            for resource in whole["Resources"].values():
                if "CodeUri" in resource.get("Properties", {}):
                    resource["Properties"]["CodeUri"] = f"s3://{bucket}/{code}"
        text = yaml.dump(whole, Dumper=bundle.WithoutAliases, sort_keys=False, width=10_000).encode()
        key = f"template/{hashlib.sha256(text).hexdigest()}.yaml"
        s3.put_object(Bucket=bucket, Key=key, Body=text)
        return Source(url=f"https://{bucket}.s3.{self._session.region_name}.amazonaws.com/{key}")

    def _publish(self, outputs: Mapping[str, str]) -> None:
        """The dashboard: files named by their content for ever, the page that names them not at all, and last."""
        s3, bucket = self._session.client("s3"), outputs["SiteBucketName"]
        files = sorted(path for path in self._dashboard.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda file: file.name == "index.html"):
            name = path.relative_to(self._dashboard).as_posix()
            kept = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            s3.upload_file(str(path), bucket, name, ExtraArgs={"ContentType": kind, "CacheControl": kept})
        self._tell(f"dashboard: {len(files)} files")

    def _push_image(self, repository: str) -> str:
        """Build the streamer's image and push it; returns it by digest. Raises CannotDeploy without Docker."""
        if shutil.which("docker") is None:
            raise CannotDeploy("no Docker here: build the image elsewhere and name it: --image REPOSITORY@sha256:…")
        self._login(repository)
        with tempfile.TemporaryDirectory() as folder:
            said = Path(folder) / "metadata.json"
            command = ["docker", "buildx", "build", "--platform", "linux/amd64", "--provenance=false", "--push"]
            tag = hashlib.sha256("".join(sorted(_digest(file) for file in _image_sources())).encode()).hexdigest()[:20]
            command += [
                "-f",
                str(DOCKERFILE),
                "-t",
                f"{repository}:{tag}",
                "--metadata-file",
                str(said),
                str(bundle.ROOT),
            ]
            self._tell("building the streamer's image")
            if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 - our own
                raise CannotDeploy("the image was not built; what Docker said stands above")
            return f"{repository}@{json.loads(said.read_text())['containerimage.digest']}"

    def _login(self, repository: str) -> None:
        given = self._session.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(given).decode().partition(":")[2]
        command = ["docker", "login", "--username", "AWS", "--password-stdin", repository.partition("/")[0]]
        if subprocess.run(command, input=password.encode(), capture_output=True, check=False).returncode != 0:  # noqa: S603
            raise CannotDeploy("Docker could not log in to ECR; is its engine running?")


def _image_sources() -> list[Path]:
    folders = ("backstop", "streamer", "infra/cloud", "infra/deadman", "infra/streamer", "requirements")
    return [
        file
        for folder in folders
        for file in (bundle.ROOT / folder).rglob("*")
        if file.suffix in (".py", ".sql", ".lock", ".sh", "") and file.is_file()
    ]


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
