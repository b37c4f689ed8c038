"""ccxt's bybit, pointed at the benchmark's exchange, with its one market known beforehand."""

import os
from typing import Any

from benchmarks.clients.target import Target


def bybit_at(kind: Any, target: Target) -> Any:
    exchange = kind(
        {
            "apiKey": "bench",
            "secret": "bench-secret-of-its-own",
            "enableRateLimit": False,
            **({"cafile": os.environ["SSL_CERT_FILE"]} if target.tls else {}),
            "options": {
                "enableUnifiedMargin": False,
                "enableUnifiedAccount": True,
                "unifiedMarginStatus": 6,
                "ws": {"options": {}},
            },
        }
    )
    exchange.urls["api"] = {
        "public": target.rest,
        "private": target.rest,
        "ws": {
            "public": {"linear": f"{target.ws}/v5/public/linear"},
            "private": {"contract": f"{target.ws}/v5/private", "trade": f"{target.ws}/v5/trade"},
        },
    }
    row = {
        "symbol": "BTCUSDT",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "priceScale": "2",
        "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
        "lotSizeFilter": {"qtyStep": "0.001", "minOrderQty": "0.001", "maxOrderQty": "1190", "maxMktOrderQty": "500"},
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "0.01"},
    }
    market = exchange.safe_market_structure(
        {
            "id": row["symbol"],
            "symbol": "BTC/USDT:USDT",
            "base": "BTC",
            "quote": "USDT",
            "settle": "USDT",
            "type": "swap",
            "swap": True,
            "spot": False,
            "future": False,
            "option": False,
            "contract": True,
            "linear": True,
            "inverse": False,
            "active": True,
            "contractSize": 1,
            "precision": {"amount": 0.001, "price": 0.1},
            "limits": {
                "amount": {"min": 0.001, "max": 1190},
                "price": {},
                "cost": {},
                "leverage": {"min": 1, "max": 100},
            },
            "info": row,
        }
    )
    exchange.set_markets([market])
    return exchange
