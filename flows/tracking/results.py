"""The results of a labeling run in a tracker: its figures and its contact sheet."""

from __future__ import annotations

import logging

from tag2mask.flows.summary import load_record
from tag2mask.flows.tracking.base import Tracker
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.report.ladder import load_ladder

logger = logging.getLogger("tag2mask")


def track_result(tracker: Tracker, run: Run) -> None:
    """Stores the counts, the quality after each step, and the contact sheet.

    The quality is known where ground truth lies beside the source. A tracker that fails does not
    fail a run that is finished: it is a warning.

    Args:
        tracker: The tracker.
        run: The run, whose folder holds run.json and ladder.json.
    """
    record = load_record(run)
    version = int(record.get("version", 0))
    counts = {
        "images/published": record.get("published", 0),
        "images/rejected": sum(record.get("rejected", {}).values()),
    }
    try:
        tracker.log_scalars({name: float(value) for name, value in counts.items()}, version)
        for position, row in enumerate(load_ladder(run.folder, "ladder.json"), 1):
            figures = {
                f"quality/{name}": value
                for name, value in row.model_dump().items()
                if isinstance(value, float)
            }
            if figures:
                tracker.log_scalars(figures, position)
        if sheet := record.get("contact_sheet"):
            tracker.log_image("contact_sheet", run.folder.read(sheet))
    except Exception as error:  # each tracker has errors of its own
        logger.warning("the results are not tracked: %s", error)
