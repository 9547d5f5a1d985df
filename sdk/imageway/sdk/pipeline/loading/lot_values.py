"""Values that lots are drawn from, where they are a column of a data source; read once, when the task is loaded."""

from pathlib import Path

from imageway.contract.document import Issue
from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.data.config import described
from imageway.sdk.pipeline.data.row import SourceError
from imageway.sdk.pipeline.data.source import open_source
from imageway.sdk.pipeline.loading.loaded import Place
from imageway.sdk.pipeline.schema.nodes import ColumnValues

__all__ = ("column_values",)

_MOST = 100_000


def column_values(
    values: ColumnValues, place: Place, *, working_directory: Path
) -> tuple[list[JsonValue], list[float], list[Issue]]:
    """The values of the columns, with weights by which each column is as likely as the others.

    *place* is where *values* stand; a file is sought from there first, then from *working_directory*.
    """
    source = Place(document=place.document, path=(*place.path, "source"))
    data, issues = described(
        values.source,
        place.document,
        at=source.path,
        folder=place.document.file.parent,
        working_directory=working_directory,
    )
    if any(issue.severity == "error" for issue in issues):
        return [], [], issues
    columns = [values.column] if isinstance(values.column, str) else values.column
    found: dict[str, list[JsonValue]] = {column: [] for column in columns}
    try:
        with open_source(data) as rows:
            for row in rows:
                for column in columns:
                    value = row.fields.get(column)
                    if value is not None:
                        found[column].append(value)
                if sum(map(len, found.values())) > _MOST:
                    message = f"there are more than {_MOST:,} values to draw from; give a smaller source"
                    return [], [], [*issues, source.issue("odd-values", message)]
    except SourceError as error:
        return [], [], [*issues, source.issue("data", str(error))]
    for column in columns:
        if not found[column]:
            message = f"no record of the source has a value in {column}"
            issues.append(Place(document=place.document, path=(*place.path, "column")).issue("odd-values", message))
    weights = [1 / len(found[column]) for column in columns for _ in found[column]]
    return [value for column in columns for value in found[column]], weights, issues
