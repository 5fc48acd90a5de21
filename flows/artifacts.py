"""Artifacts of a run in Prefect's UI: summary, ladder, counts, contact sheet."""

from __future__ import annotations

import re

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from tag2mask.flows.image_artifacts import show_image
from tag2mask.flows.server_progress import tolerate_silence
from tag2mask.flows.summary import load_record
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.report.ladder import ladder_markdown, load_ladder


def key_of(name: str, uri: str) -> str:
    """The name under which the UI lists all versions of an artifact of one folder."""
    return re.sub(r"[^a-z0-9]+", "-", f"{name} {uri}".lower()).strip("-")


def show(run: Run, summary: str) -> None:
    """Creates the artifacts of the current flow run; without an answering server, it has none.

    Args:
        run: The run, whose folder holds run.json and ladder.json.
        summary: The summary of the run.
    """
    record = load_record(run)
    with tolerate_silence("summary of the run"):
        create_markdown_artifact(f"```\n{summary}\n```", key_of("summary", run.uri))
    if rows := load_ladder(run.folder, "ladder.json"):
        with tolerate_silence("ladder"):
            create_markdown_artifact(ladder_markdown(rows), key_of("ladder", run.uri))
    counts = {**record.get("counts", {}), "published": record.get("published")}
    with tolerate_silence("counts"):
        create_table_artifact(
            [{"count": name.replace("_", " "), "images": value} for name, value in counts.items()],
            key_of("counts", run.uri),
            description=f"version {record.get('version')} of the dataset",
        )
    if name := record.get("contact_sheet"):
        with tolerate_silence("contact sheet"):
            show_image(run.folder.read(name), key_of("contact-sheet", run.uri), f"{run.uri}/{name}")
