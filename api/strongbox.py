"""The strongbox this process's environment names."""

import os
from functools import lru_cache

from backstop.strongbox import Strongbox, strongbox_from

_NAMES = ("BACKSTOP_STRONGBOX_KMS_KEY_ID", "BACKSTOP_KMS_ENDPOINT", "BACKSTOP_STRONGBOX_KEY_FILE")


def strongbox() -> Strongbox:
    return _of(tuple((name, os.environ[name]) for name in _NAMES if name in os.environ))


@lru_cache(maxsize=1)
def _of(environment: tuple[tuple[str, str], ...]) -> Strongbox:
    return strongbox_from(dict(environment))
