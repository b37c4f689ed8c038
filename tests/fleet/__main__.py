"""`python -m tests.fleet [PROCESSES [ACCOUNTS]]`: the sharing at its full size, with a PostgreSQL of its own."""

import asyncio
import sys

from psycopg.conninfo import make_conninfo

from backstop.store.migrate import migrate
from infra.postgres import temporary_postgres
from tests.fleet.scene import share_and_kill


def main() -> None:
    processes, accounts = (int(text) for text in [*sys.argv[1:], "5", "1000"][:2])
    with temporary_postgres() as server:
        url = server.database_url
        migrate(url)
        streamer = make_conninfo(url, options="-c role=backstop_streamer")
        longest = asyncio.run(
            share_and_kill(url, streamer, accounts, processes, lambda line: sys.stdout.write(f"{line}\n"))
        )
    sys.stdout.write(
        f"{accounts} accounts over {processes} processes: one owner each; longest without one {longest:.1f} s\n"
    )


if __name__ == "__main__":
    main()
