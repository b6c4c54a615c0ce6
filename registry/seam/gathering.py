"""Many rows as one value of another row: both databases have it, under different names."""

from __future__ import annotations

from typing import Any

from django.db.models import Func, JSONField, QuerySet, Subquery
from django.db.models.functions import JSONObject


class _Gathered(Func):
    """A JSON list of all rows of its query. No ``Aggregate``: Django would group by the row."""

    function = "JSONB_AGG"
    output_field = JSONField()

    def as_sqlite(self, compiler: Any, connection: Any, **kw: Any) -> Any:
        return super().as_sql(compiler, connection, function="JSON_GROUP_ARRAY", **kw)


def gathered(rows: QuerySet[Any], **columns: str) -> Subquery:
    """An annotation: these columns of all the rows, as a list of dictionaries in no order.

    PostgreSQL gives None for no rows, SQLite an empty list; a moment comes as an ISO text.
    """
    listed = rows.order_by().annotate(gathered=_Gathered(JSONObject(**columns)))
    return Subquery(listed.values("gathered"), output_field=JSONField())
