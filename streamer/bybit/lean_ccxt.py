"""ccxt's Bybit alone. The only importer of ccxt.

`import ccxt.async_support` loads every exchange there is, which takes seconds of each start; here its packages are entered
without running their `__init__`, and leave no trace, so that whoever imports ccxt as usual gets all of it.
"""

import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any


def _lean() -> Any:
    before = {name: module for name, module in sys.modules.items() if _is_ccxt(name)}
    for name in before:
        del sys.modules[name]
    try:
        root: Any = _enter("ccxt")
        _enter("ccxt.async_support")
        from ccxt.base import errors  # noqa: PLC0415 - not before the packages are entered

        vars(root).update({name: value for name, value in vars(errors).items() if not name.startswith("__")})
        from ccxt.base.exchange import Exchange  # noqa: PLC0415

        root.Exchange = Exchange
        from ccxt.async_support.bybit import bybit  # noqa: PLC0415

        return bybit
    finally:
        for name in [name for name in sys.modules if _is_ccxt(name)]:
            del sys.modules[name]
        sys.modules.update(before)


def _enter(name: str) -> ModuleType:
    """The package as a mere folder of modules."""
    spec = find_spec(name)
    assert spec is not None, name
    module = module_from_spec(spec)
    sys.modules[name] = module
    return module


def _is_ccxt(name: str) -> bool:
    return name == "ccxt" or name.startswith("ccxt.")


bybit: Any = _lean()
