"""What Prefect's UI shows beside a run: the last word, ladder, counts, contact sheet."""

from __future__ import annotations

import re
from pathlib import Path

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from flows.summary import load_record
from pipeline.report.ladder import load_ladder, markdown_table
from pipeline.run import Run


def artifact_key(run: Run, name: str) -> str:
    """The name under which the UI lists all versions of an artifact of one run's folder."""
    place = re.sub(r"[^a-z0-9]+", "-", run.uri.lower()).strip("-")
    return f"{name}-{place}"


def show(run: Run, summary: str) -> None:
    """Leaves artifacts of the flow run that is at work.

    Args:
        run: Whose folder holds run.json and ladder.json.
        summary: The last word.
    """
    record = load_record(run)
    create_markdown_artifact(f"```\n{summary}\n```", artifact_key(run, "summary"))
    if rows := load_ladder(run.folder, "ladder.json"):
        create_markdown_artifact(markdown_table(rows), artifact_key(run, "ladder"))
    counts = {**record.get("counts", {}), "published": record.get("published")}
    create_table_artifact(
        [{"count": name.replace("_", " "), "pictures": value} for name, value in counts.items()],
        artifact_key(run, "counts"),
        description=f"version {record.get('version')} of the dataset",
    )
    if name := record.get("contact_sheet"):
        create_link_artifact(
            _link(f"{run.uri}/{name}"), link_text=name, key=artifact_key(run, "contact-sheet")
        )


def _link(uri: str) -> str:
    return uri if "://" in uri else Path(uri).as_uri()
