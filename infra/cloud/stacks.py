"""CloudFormation stacks by change set: shown first, carried out when agreed to, followed to the end.

Source: CloudFormation API, CreateChangeSet, ExecuteChangeSet, DescribeStackEvents.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.literals import CapabilityType

CAPABILITIES: "tuple[CapabilityType, ...]" = ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
_NOTHING_NEW = ("didn't contain changes", "No updates are to be performed")

Tell = Callable[[str], None]


class StackFailed(Exception):
    """It did not become what was asked; the message says what CloudFormation said."""


@dataclass(frozen=True, slots=True)
class Change:
    """`replaces`: what is there now is taken away, with what it holds."""

    action: str
    logical_id: str
    kind: str
    replaces: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A template, by its text or where it lies in S3."""

    body: str | None = None
    url: str | None = None


class Stacks:
    """`pause` waits between two looks."""

    def __init__(self, client: "CloudFormationClient", pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._pause = pause

    def outputs(self, name: str) -> dict[str, str] | None:
        """What the stack answers, or None while there is none."""
        found = self._describe(name)
        if found is None or found["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
            return None
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def propose(self, name: str, source: Source, parameters: Mapping[str, str]) -> tuple[str, list[Change]]:
        """Make a change set; its id and what it would do, nothing if all is so already. Raises StackFailed."""
        template: dict[str, Any] = {"TemplateBody": source.body} if source.url is None else {"TemplateURL": source.url}
        made = self._client.create_change_set(
            StackName=name,
            ChangeSetName=f"backstop-{int(time.time())}",
            ChangeSetType="CREATE" if self.outputs(name) is None else "UPDATE",
            Capabilities=list(CAPABILITIES),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            **template,
        )
        change_set = made["Id"]
        while True:
            found = self._client.describe_change_set(ChangeSetName=change_set, StackName=name)
            if found["Status"] == "CREATE_COMPLETE":
                return change_set, self._changes(name, change_set)
            if found["Status"] == "FAILED":
                reason = found.get("StatusReason", "")
                self._client.delete_change_set(ChangeSetName=change_set, StackName=name)
                if any(text in reason for text in _NOTHING_NEW):
                    return change_set, []
                raise StackFailed(f"{name}: {reason}")
            self._pause(2.0)

    def carry_out(self, name: str, change_set: str, tell: Tell) -> dict[str, str]:
        """Execute a change set and follow it; returns the outputs. Raises StackFailed once it is rolled back."""
        seen = self._event_ids(name)
        self._client.execute_change_set(ChangeSetName=change_set, StackName=name)
        status = self._follow(name, tell, seen)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise StackFailed(f"{name} ended as {status}; what failed stands above")
        return self.outputs(name) or {}

    def discard(self, name: str, change_set: str) -> None:
        self._client.delete_change_set(ChangeSetName=change_set, StackName=name)

    def delete(self, name: str, tell: Tell) -> None:
        """Raises StackFailed when something could not be deleted."""
        found = self._describe(name)
        if found is None:
            return
        by_id, seen = found["StackId"], self._event_ids(name)  # a deleted stack is found by its id only
        self._client.delete_stack(StackName=name)
        status = self._follow(by_id, tell, seen)
        if status != "DELETE_COMPLETE":
            raise StackFailed(f"{name} ended as {status}; what failed stands above")

    def resource(self, name: str, logical_id: str) -> str | None:
        """The physical id of a resource, or None if it is not there."""
        try:
            found = self._client.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        except ClientError:
            return None
        return found["StackResourceDetail"].get("PhysicalResourceId")

    def _changes(self, name: str, change_set: str) -> list[Change]:
        pages = self._client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set, StackName=name)
        changes = [change["ResourceChange"] for page in pages for change in page["Changes"]]
        return [
            Change(one["Action"], one["LogicalResourceId"], one["ResourceType"], one.get("Replacement") == "True")
            for one in changes
        ]

    def _describe(self, name: str) -> Any:
        try:
            return self._client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _event_ids(self, name: str) -> set[str]:
        try:
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=name)
            return {event["EventId"] for page in pages for event in page["StackEvents"]}
        except ClientError:
            return set()

    def _follow(self, name: str, tell: Tell, seen: set[str]) -> str:
        while True:
            for event in self._new_events(name, seen):
                reason = f": {event['ResourceStatusReason']}" if event.get("ResourceStatusReason") else ""
                tell(f"{event.get('LogicalResourceId', '')} {event.get('ResourceStatus', '')}{reason}")
            found = self._describe(name)
            status = "DELETE_COMPLETE" if found is None else found["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                return status
            self._pause(3.0)

    def _new_events(self, name: str, seen: set[str]) -> Sequence[Any]:
        try:
            events = self._client.describe_stack_events(StackName=name)["StackEvents"]
        except ClientError:
            return ()
        new = [event for event in events if event["EventId"] not in seen]
        seen.update(event["EventId"] for event in new)
        return new[::-1]
