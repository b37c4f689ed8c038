"""The floor: bare blocking sockets, the request's bytes made beforehand. Nothing can be much faster in Python, or in C."""

import os
import socket
import ssl
import sys

from benchmarks.clients.target import Target, ready


def main() -> None:
    target = Target.from_arguments()
    feed, trade = (opened(target, path) for path in ("/v5/public/linear", "/v5/trade"))
    trade.sendall(masked(b'{"op":"auth","reqId":"a","args":[]}'))
    trade.recv(65536)
    request = masked(
        b'{"reqId":"1","header":{"X-BAPI-TIMESTAMP":"1700000000000","X-BAPI-RECV-WINDOW":"5000"},"op":"order.create","args":'
        b'[{"category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"0.01","positionIdx":0,'
        b'"orderLinkId":"00000000000000000000000000-s1-1","reduceOnly":true}]}'
    )
    feed.sendall(masked(b'{"op":"subscribe","args":["tickers.BTCUSDT"]}'))
    ready()
    armed = True
    while data := feed.recv(262144):
        if armed and b'"lastPrice":"59000' in data:
            trade.sendall(request)
            armed = False
            trade.recv(65536)
        if b'"lastPrice":"60' in data:
            armed = True


def opened(target: Target, path: str) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", target.ws_port))
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if target.tls:
        one = ssl.create_default_context().wrap_socket(one, server_hostname="localhost")
    head = f"GET {path} HTTP/1.1\r\nHost: localhost:{target.ws_port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    one.sendall((head + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += one.recv(4096)
    assert b" 101 " in answer, answer
    return one


def masked(payload: bytes) -> bytes:
    mask = os.urandom(4)
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return b"\x81" + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


if __name__ == "__main__":
    sys.exit(main())
