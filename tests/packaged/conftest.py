"""What is deployed: the template and the Lambdas' zip, built once for all test processes."""

import fcntl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from infra.cloud import bundle


@dataclass(frozen=True)
class Packaged:
    template: Path

    @property
    def zip(self) -> Path:
        return self.template.with_name("deployment.zip")

    @cached_property
    def whole(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self.template.read_text())
        return found

    @property
    def resources(self) -> dict[str, Any]:
        found: dict[str, Any] = self.whole["Resources"]
        return found

    def of_type(self, kind: str) -> dict[str, Any]:
        """Properties by logical id."""
        return {name: found["Properties"] for name, found in self.resources.items() if found["Type"] == kind}


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Packaged:
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "packaged"
    with (folder.with_suffix(".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "out" / "sam.yaml"
        if not (folder / "built").exists():
            assert bundle.build(folder) == done
            (folder / "built").touch()
    return Packaged(done)


@pytest.fixture(scope="session")
def unzipped(packaged: Packaged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip as Lambda lays it into /var/task."""
    task = tmp_path_factory.mktemp("task")
    with ZipFile(packaged.zip) as content:
        content.extractall(task)
    return task
