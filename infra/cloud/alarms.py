"""What CloudWatch watches: alarms and a dashboard, from one list. Each alarm has a page in docs/runbooks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Resource = dict[str, Any]
Missing = Literal["breaching", "notBreaching", "ignore", "missing"]

RUNBOOKS = "docs/runbooks"
_STREAMER = {"service": "streamer"}
_DEADMAN = {"service": "deadman"}


@dataclass(frozen=True, slots=True)
class Alarm:
    """Rises when `statistic` of the metric is above `above` (or below `below`) for `periods` of `period_s`.

    `dimensions` may hold CloudFormation functions. `missing` says what no data means.
    """

    name: str
    says: str
    metric: str
    above: float | None = None
    below: float | None = None
    namespace: str = "Backstop"
    dimensions: Mapping[str, Any] = field(default_factory=dict)
    statistic: str = "Maximum"
    period_s: int = 60
    periods: int = 1
    missing: Missing = "notBreaching"
    condition: str | None = None

    @property
    def logical_id(self) -> str:
        return "Alarm" + "".join(part.capitalize() for part in self.name.split("-"))

    @property
    def runbook(self) -> str:
        return f"{RUNBOOKS}/{self.name}.md"


ALARMS = (
    Alarm(
        *("streamer-silent", "No streamer has written a heartbeat for 20 s; positions rely on the exchange's stops."),
        *("HeartbeatAgeSeconds", 20.0),
        dimensions=_DEADMAN,
        missing="ignore",
    ),
    Alarm(
        *("deadman-silent", "The dead-man has not run for 3 minutes."),
        metric="Runs",
        below=1.0,
        dimensions=_DEADMAN,
        statistic="Sum",
        periods=3,
        missing="breaching",
    ),
    Alarm(
        *("deadman-failing", "Runs of the dead-man ended with an error."),
        metric="ApproximateNumberOfMessagesVisible",
        above=0.0,
        namespace="AWS/SQS",
        dimensions={"QueueName": {"Fn::GetAtt": ["FailedRuns", "QueueName"]}},
    ),
    Alarm(
        *("stops-missing", "A position was found without its stop at the exchange while no streamer lived."),
        *("StopsMissing", 0.0),
        dimensions=_DEADMAN,
        statistic="Sum",
    ),
    Alarm(
        *("accounts-unowned", "Accounts have no streamer although their leases ran out more than 15 s ago."),
        *("AccountsUnowned", 0.0),
        dimensions=_DEADMAN,
        periods=2,
    ),
    Alarm(
        *("position-unprotected", "An open position's stop at the exchange was not proven for more than 15 s."),
        *("UnprotectedSeconds", 15.0),
        dimensions=_STREAMER,
    ),
    Alarm(
        *("orders-unknown", "What became of an order is not known for more than a minute."),
        *("UnknownOrderSeconds", 60.0),
        dimensions=_STREAMER,
    ),
    Alarm(
        *("prices-old", "Prices of a symbol with an open position are older than 5 s."),
        *("TickAgeSeconds", 5.0),
        dimensions=_STREAMER,
        periods=2,
    ),
    Alarm(
        *("closes-slow", "One close in a hundred takes more than 50 ms from the tick to the request."),
        *("TickToOrderMilliseconds", 50.0),
        dimensions=_STREAMER,
        statistic="p99",
        period_s=300,
    ),
    Alarm(
        *("lease-churn", "Accounts change hands again and again."),
        *("LeasesTaken", 500.0),
        dimensions=_STREAMER,
        statistic="Sum",
        period_s=600,
    ),
    Alarm(
        *("spool-dead", "Alerts could not be replayed in 200 tries, a minute apart."),
        metric="ApproximateNumberOfMessagesVisible",
        above=0.0,
        namespace="AWS/SQS",
        dimensions={"QueueName": {"Fn::GetAtt": ["SpoolDead", "QueueName"]}},
    ),
    Alarm(
        *("spool-waiting", "Alerts have waited in the spool for more than a minute."),
        metric="ApproximateAgeOfOldestMessage",
        above=60.0,
        namespace="AWS/SQS",
        dimensions={"QueueName": {"Fn::GetAtt": ["Spool", "QueueName"]}},
    ),
    Alarm(
        *("decrypts-unusual", "Exchange credentials were opened far more often than accounts change hands."),
        *("VaultDecrypts", 1000.0),
        statistic="Sum",
        period_s=3600,
    ),
    Alarm(
        *("decrypts-by-strangers", "Something other than streamer or dead-man asked to open exchange credentials."),
        *("VaultDecryptsByStrangers", 0.0),
        statistic="Sum",
    ),
    Alarm(
        *("api-failing", "More than 5 requests in 5 minutes were answered with 5xx."),
        metric="5XXError",
        above=5.0,
        namespace="AWS/ApiGateway",
        dimensions={"ApiName": "backstop", "Stage": "v1"},
        statistic="Sum",
        period_s=300,
    ),
    Alarm(
        *("hooks-slow", "One alert in a hundred takes more than 2 s; TradingView gives up after 3."),
        metric="Duration",
        above=2000.0,
        namespace="AWS/Lambda",
        dimensions={"FunctionName": {"Ref": "HookHandler"}},
        statistic="p99",
        period_s=300,
    ),
    Alarm(
        *("database-full", "The database has less than 2 GB left."),
        metric="FreeStorageSpace",
        below=2e9,
        namespace="AWS/RDS",
        dimensions={"DBInstanceIdentifier": {"Ref": "Database"}},
        statistic="Minimum",
        period_s=300,
        condition="IsOneInstance",
    ),
    Alarm(
        *("database-busy", "The database's CPU is above 80 % for 15 minutes."),
        metric="CPUUtilization",
        above=80.0,
        namespace="AWS/RDS",
        dimensions={
            "DBInstanceIdentifier": {"Fn::If": ["IsFleet", {"Ref": "ClusterWriter"}, {"Ref": "Database"}]},
        },
        statistic="Average",
        period_s=300,
        periods=3,
    ),
)


def resources() -> dict[str, Resource]:
    """All alarms and the dashboard, as CloudFormation resources by logical id."""
    return {alarm.logical_id: _alarm(alarm) for alarm in ALARMS} | {"Watch": _dashboard()}


def _alarm(alarm: Alarm) -> Resource:
    threshold = alarm.above if alarm.above is not None else alarm.below
    assert threshold is not None, alarm
    properties: Resource = {
        "AlarmName": {"Fn::Sub": f"${{AWS::StackName}}-{alarm.name}"},
        "AlarmDescription": f"{alarm.says} See {alarm.runbook}.",
        "Namespace": alarm.namespace,
        "MetricName": alarm.metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in alarm.dimensions.items()],
        "Period": alarm.period_s,
        "EvaluationPeriods": alarm.periods,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold" if alarm.above is not None else "LessThanThreshold",
        "TreatMissingData": alarm.missing,
        "AlarmActions": [{"Ref": "Alarms"}],
        "OKActions": [{"Ref": "Alarms"}],
    }
    properties["ExtendedStatistic" if alarm.statistic.startswith("p") else "Statistic"] = alarm.statistic
    resource: Resource = {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}
    return resource | ({"Condition": alarm.condition} if alarm.condition else {})


def _dashboard() -> Resource:
    """One graph for each alarm of ours, with its threshold; those of AWS's own metrics have their consoles."""
    ours = [alarm for alarm in ALARMS if alarm.namespace == "Backstop"]
    widgets = [_widget(alarm, index) for index, alarm in enumerate(ours)]
    body = json.dumps({"start": "-PT3H", "widgets": widgets}).replace('"{region}"', '"${AWS::Region}"')
    return {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {"DashboardName": {"Ref": "AWS::StackName"}, "DashboardBody": {"Fn::Sub": body}},
    }


def _widget(alarm: Alarm, index: int) -> Resource:
    dimensions = [part for pair in alarm.dimensions.items() for part in pair]
    threshold = alarm.above if alarm.above is not None else alarm.below
    return {
        "type": "metric",
        "x": index % 3 * 8,
        "y": index // 3 * 6,
        "width": 8,
        "height": 6,
        "properties": {
            "title": alarm.name,
            "region": "{region}",
            "metrics": [[alarm.namespace, alarm.metric, *dimensions, {"stat": alarm.statistic}]],
            "period": alarm.period_s,
            "annotations": {"horizontal": [{"label": "alarm", "value": threshold}]},
        },
    }
