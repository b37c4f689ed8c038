"""Settings as they were, of strategies and accounts. Rows are added, never changed."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, LiteralString
from uuid import UUID

from backstop.contracts.versions import SettingChange, SettingsVersion
from backstop.store.paging import Numbered, PageRequest
from backstop.store.query import Query, no_row

Cause = Literal["created", "changed", "rolled_back"]


def add_strategy_version(strategy_id: UUID, session_id: UUID, cause: Cause, back_to: int | None = None) -> Query[None]:
    """As the strategy is now, by the version it has now."""
    return _add("strategies", "strategy_settings", strategy_id, session_id, cause, back_to)


def add_account_version(account_id: UUID, session_id: UUID, cause: Cause, back_to: int | None = None) -> Query[None]:
    """As `add_strategy_version`."""
    return _add("accounts", "account_settings", account_id, session_id, cause, back_to)


def _add(
    table: LiteralString,
    settings_of: LiteralString,
    subject_id: UUID,
    session_id: UUID,
    cause: Cause,
    back_to: int | None,
) -> Query[None]:
    sql: LiteralString = f"""
        insert into settings_versions (user_id, subject_id, version, cause, rolled_back_to, session_id, settings)
        select it.user_id, it.id, it.version, %(cause)s, %(back_to)s, %(session_id)s, {settings_of}(it)
          from {table} it where it.id = %(id)s"""  # noqa: S608 - constants
    return Query(sql, {"id": subject_id, "session_id": session_id, "cause": cause, "back_to": back_to}, no_row)


def settings_at(subject_id: UUID, version: int) -> Query[dict[str, Any]]:
    sql = "select settings from settings_versions where subject_id = %(id)s and version = %(version)s"
    return Query(sql, {"id": subject_id, "version": version}, lambda row: dict(row["settings"]))


def versions_page(user_id: UUID, subject_id: UUID, page: PageRequest) -> Query[Numbered[SettingsVersion]]:
    """Newest first, each with what it changed."""
    sql = """
        select v.version, v.at, v.cause, v.rolled_back_to, v.session_id, v.settings, p.settings as before
          from settings_versions v
          left join settings_versions p on p.subject_id = v.subject_id and p.version = v.version - 1
         where v.user_id = %(user_id)s and v.subject_id = %(id)s and v.version < %(before)s
         order by v.version desc limit %(fetch)s"""

    def read(row: dict[str, Any]) -> Numbered[SettingsVersion]:
        before = row.pop("before")
        changes = list(differences(before, row["settings"])) if before is not None else []
        return Numbered(row["version"], SettingsVersion(**row, changes=changes))

    parameters = {"user_id": user_id, "id": subject_id, "before": page.before, "fetch": page.limit + 1}
    return Query(sql, parameters, read)


def differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[SettingChange]:
    """Field by field; lists as a whole. What is not named is null."""
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from differences(old, new, f"{path}{name}.")
        elif old != new:
            yield SettingChange(field=f"{path}{name}", before=old, after=new)
