"""Artifacts of a run in Prefect's UI: summary, ladder, counts, contact sheet."""

from __future__ import annotations

import re
from pathlib import Path

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from tag2mask.flows.summary import load_record
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.report.ladder import ladder_markdown, load_ladder


def key_of(name: str, uri: str) -> str:
    """The name under which the UI lists all versions of an artifact of one folder."""
    place = re.sub(r"[^a-z0-9]+", "-", uri.lower()).strip("-")
    return f"{name}-{place}"


def link_to(uri: str) -> str:
    """A file as a link in a browser."""
    return uri if "://" in uri else Path(uri).as_uri()


def show(run: Run, summary: str) -> None:
    """Creates the artifacts of the current flow run.

    Args:
        run: The run, whose folder holds run.json and ladder.json.
        summary: The summary of the run.
    """
    record = load_record(run)
    create_markdown_artifact(f"```\n{summary}\n```", key_of("summary", run.uri))
    if rows := load_ladder(run.folder, "ladder.json"):
        create_markdown_artifact(ladder_markdown(rows), key_of("ladder", run.uri))
    counts = {**record.get("counts", {}), "published": record.get("published")}
    create_table_artifact(
        [{"count": name.replace("_", " "), "images": value} for name, value in counts.items()],
        key_of("counts", run.uri),
        description=f"version {record.get('version')} of the dataset",
    )
    if name := record.get("contact_sheet"):
        create_link_artifact(
            link_to(f"{run.uri}/{name}"), link_text=name, key=key_of("contact-sheet", run.uri)
        )
