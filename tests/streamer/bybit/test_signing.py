"""The login of the sockets."""

import hashlib
import hmac

from streamer.bybit.signing import LOGIN_VALID_MS, login_args


def test_login_signs_the_moment_it_expires() -> None:
    args = login_args("demoKey", "demoSecret", 1_700_000_010_000 - LOGIN_VALID_MS)
    assert args == [
        "demoKey",
        1_700_000_010_000,
        "b2f2d9714c2843c76b94d56adc7a0f50abc300b1638a349520a60b1b12df2151",
    ]


def test_login_with_any_secret_is_hmac_sha256_in_lowercase_hex() -> None:
    secret = "gëheim"
    expected = hmac.new(secret.encode(), b"GET/realtime10001", hashlib.sha256).hexdigest()
    assert login_args("k", secret, 1)[2] == expected
