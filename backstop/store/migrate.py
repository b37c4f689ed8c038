"""Applies `migrations/NNNN_name.sql` in order, each once and in a transaction of its own. Forward only."""

from importlib.resources import files

import psycopg

_LOCK = 0x6261636B  # any fixed number: two migrators at once wait for each other


def migrate(database_url: str) -> list[str]:
    """Bring the schema up to date; returns the names of the migrations applied now.

    Needs a role that may create roles and tables. Raises `psycopg.Error` when a migration fails; those before it stay.
    """
    applied: list[str] = []
    with psycopg.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])
        connection.execute(
            "create table if not exists schema_migrations"
            " (name text primary key, applied_at timestamptz not null default now())"
        )
        done = {row[0] for row in connection.execute("select name from schema_migrations")}
        for name, script in _migrations():
            if name in done:
                continue
            with connection.transaction():
                connection.execute(script)
                connection.execute("insert into schema_migrations (name) values (%s)", [name])
            applied.append(name)
    return applied


def _migrations() -> list[tuple[str, bytes]]:
    folder = files("backstop.store") / "migrations"
    scripts = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((entry.name, entry.read_bytes()) for entry in scripts)
