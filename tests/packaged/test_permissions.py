"""Who may do what, read from the packaged template."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.packaged.conftest import Packaged

WEB = ("APIHandler", "HookHandler", "WebsocketConnect", "WebsocketMessage", "WebsocketDisconnect", "ReplaySpooled")
OPENERS = {"StreamerRole", "DeadmanRole"}

pytestmark = pytest.mark.timeout(400)  # building and linting take their time on a busy machine


def role_of(packaged: Packaged, function: str) -> str:
    role = packaged.resources[function]["Properties"]["Role"]
    assert isinstance(role, dict), f"{function} has no role of the template"
    (name, attribute) = role["Fn::GetAtt"]
    assert attribute == "Arn"
    return str(name)


def statements(packaged: Packaged, role: str) -> Iterator[dict[str, Any]]:
    for policy in packaged.resources[role]["Properties"].get("Policies", ()):
        yield from policy["PolicyDocument"]["Statement"]
    for name, policy in packaged.of_type("AWS::IAM::Policy").items():
        assert role not in str(policy["Roles"]), f"read {name} here too"


def actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def allows(statement: dict[str, Any], action: str) -> bool:
    return statement["Effect"] == "Allow" and any(fnmatchcase(action, pattern) for pattern in actions(statement))


def roles(packaged: Packaged) -> list[str]:
    return list(packaged.of_type("AWS::IAM::Role"))


@pytest.mark.parametrize("function", WEB)
def test_what_faces_the_web_cannot_open_exchange_credentials(packaged: Packaged, function: str) -> None:
    role = role_of(packaged, function)
    assert role not in OPENERS
    for statement in statements(packaged, role):
        assert "VaultKey" not in str(statement)
        if allows(statement, "kms:Decrypt"):
            # What Secrets Manager and SQS keep, through them; never anything itself.
            assert statement["Resource"] == {"Fn::GetAtt": ["DataKey", "Arn"]}
            assert "kms:ViaService" in statement["Condition"]["StringEquals"]


def test_the_vaults_key_is_opened_by_two_and_only_for_its_purposes(packaged: Packaged) -> None:
    policy = packaged.resources["VaultKey"]["Properties"]["KeyPolicy"]["Statement"]
    (opening,) = (statement for statement in policy if allows(statement, "kms:Decrypt"))
    assert {principal["Fn::GetAtt"][0] for principal in opening["Principal"]["AWS"]} == OPENERS
    (sealing,) = (statement for statement in policy if allows(statement, "kms:GenerateDataKey"))
    assert sealing["Principal"]["AWS"] == {"Fn::GetAtt": ["ApiRole", "Arn"]}
    for statement in (opening, sealing):
        assert statement["Condition"] == {
            "StringEquals": {"kms:EncryptionContext:purpose": ["exchange-credentials", "notification-channel"]},
        }
    assert not [statement for statement in policy if allows(statement, "kms:ReEncryptFrom")]
    assert not [
        statement for statement in policy if allows(statement, "kms:CreateGrant") and statement is not policy[0]
    ]


def test_every_function_has_a_role_of_its_kind(packaged: Packaged) -> None:
    functions = packaged.of_type("AWS::Serverless::Function")
    used = {name: role_of(packaged, name) for name in functions}
    shared = {role for role in used.values() if list(used.values()).count(role) > 1}
    assert shared == {"SocketRole"}  # connect and disconnect do the same


def test_no_role_may_do_everything_anywhere(packaged: Packaged) -> None:
    for role in roles(packaged):
        for statement in statements(packaged, role):
            assert not any("*" in action for action in actions(statement)), (role, statement)
            assert statement["Resource"] != "*", (role, statement)


def test_only_those_who_need_it_write_to_dashboards(packaged: Packaged) -> None:
    may = {
        role
        for role in roles(packaged)
        if any(allows(one, "execute-api:ManageConnections") for one in statements(packaged, role))
    }
    assert may == {"SocketMessageRole", "StreamerRole"}


def test_the_owners_password_is_for_the_jobs(packaged: Packaged) -> None:
    may = {
        role for role in roles(packaged) if any("MasterUserSecret" in str(one) for one in statements(packaged, role))
    }
    assert may == {"MigrationRole", "RotationRole"}


def test_a_planted_permission_is_found(packaged: Packaged) -> None:
    planted = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    assert allows(planted, "kms:Decrypt")
