"""Self-tests of accounts: asked for here, done by the streamer that trades the account."""

from collections.abc import Sequence
from uuid import UUID

from backstop.contracts.self_test import Cause, Outcome, SelfTest, SelfTestLine
from backstop.store.query import Query, Row, no_row


def request(self_test_id: UUID, user_id: UUID, account_id: UUID, cause: Cause) -> Query[UUID]:
    """Its id, or that of the one that is under way already."""
    sql = """
        with asked as (
          insert into self_tests (id, user_id, account_id, cause)
          values (%(id)s, %(user_id)s, %(account_id)s, %(cause)s)
          on conflict (account_id) where finished_at is null do nothing returning id)
        select id from asked
        union all
        select id from self_tests where account_id = %(account_id)s and finished_at is null
        limit 1"""
    values = {"id": self_test_id, "user_id": user_id, "account_id": account_id, "cause": cause}
    return Query(sql, values, lambda row: row["id"])


def under_way(account_id: UUID) -> Query[UUID]:
    sql = "select id from self_tests where account_id = %(account_id)s and finished_at is null"
    return Query(sql, {"account_id": account_id}, lambda row: row["id"])


def age_of_newest(account_id: UUID) -> Query[float]:
    """Seconds since the newest one was finished; no row before the first."""
    sql = """
        select extract(epoch from now() - finished_at)::float8 as age from self_tests
         where account_id = %(account_id)s and finished_at is not null order by seq desc limit 1"""
    return Query(sql, {"account_id": account_id}, lambda row: float(row["age"]))


def finish(self_test_id: UUID, outcome: Outcome) -> Query[None]:
    sql = "update self_tests set finished_at = now(), outcome = %(outcome)s where id = %(id)s and finished_at is null"
    return Query(sql, {"id": self_test_id, "outcome": outcome}, no_row)


def save_lines(self_test_id: UUID, user_id: UUID, lines: Sequence[SelfTestLine]) -> Query[None]:
    sql = """
        insert into self_test_lines (user_id, self_test_id, position, code, status, title, detail)
        select %(user_id)s, %(id)s, * from unnest(%(positions)s::int[], %(codes)s::text[], %(statuses)s::text[],
          %(titles)s::text[], %(details)s::text[])
        on conflict (self_test_id, position) do nothing"""
    values = {
        "user_id": user_id,
        "id": self_test_id,
        "positions": list(range(len(lines))),
        "codes": [line.code for line in lines],
        "statuses": [line.status for line in lines],
        "titles": [line.title for line in lines],
        "details": [line.detail for line in lines],
    }
    return Query(sql, values, no_row)


def newest(account_id: UUID) -> Query[SelfTest]:
    """One row while there is such an account. Inside a transaction of its owner, or of the streamer."""
    sql = """
        select a.id as account_id, t.outcome, t.cause, t.finished_at,
               exists (select from self_tests u where u.account_id = a.id and u.finished_at is null) as running,
               coalesce((select jsonb_agg(jsonb_build_object('code', l.code, 'status', l.status, 'title', l.title,
                                                             'detail', l.detail) order by l.position)
                           from self_test_lines l where l.self_test_id = t.id), '[]') as lines
          from accounts a
          left join lateral (select * from self_tests s where s.account_id = a.id and s.finished_at is not null
                              order by s.seq desc limit 1) t on true
         where a.id = %(account_id)s and a.deleted_at is null"""
    return Query(sql, {"account_id": account_id}, _read)


def _read(row: Row) -> SelfTest:
    return SelfTest(
        account_id=row["account_id"],
        running=row["running"],
        outcome=row["outcome"],
        cause=row["cause"],
        finished_at=row["finished_at"],
        lines=[SelfTestLine.model_validate(line) for line in row["lines"]],
    )
