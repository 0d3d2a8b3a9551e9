"""Points in time as tables keep them: the registry's, and those that other parts of the program put beside them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Dialect, TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A point in time. SQLite drops the zone: it is UTC on the way in and on the way out."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Timed:
    """Before ``DeclarativeBase`` among a base's bases: its columns of ``datetime`` are such points."""

    type_annotation_map: ClassVar[Mapping[Any, Any]] = {datetime: UtcTime}
