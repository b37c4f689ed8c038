"""Messages to one WebSocket connection, through API Gateway's `@connections`."""

from functools import lru_cache
from typing import TYPE_CHECKING

from api import config

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

MAX_BYTES = 120 * 1024
"""API Gateway closes a connection that is sent more than 128 KB at once."""


class GoneError(Exception):
    """The connection is closed."""


def post(connection_id: str, message: str) -> None:
    """Send one message. Raises `GoneError`, and botocore's ClientError for anything else."""
    data = message.encode()
    assert len(data) <= MAX_BYTES, len(data)
    client = _client(config.websocket_endpoint())
    try:
        client.post_to_connection(ConnectionId=connection_id, Data=data)
    except client.exceptions.GoneException:
        raise GoneError(connection_id) from None


@lru_cache(maxsize=1)
def _client(endpoint: str) -> "ApiGatewayManagementApiClient":
    import boto3  # noqa: PLC0415 - slow to import, and no REST route needs it
    from botocore.config import Config  # noqa: PLC0415

    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=endpoint,
        config=Config(connect_timeout=2, read_timeout=5, retries={"max_attempts": 2, "mode": "standard"}),
    )
