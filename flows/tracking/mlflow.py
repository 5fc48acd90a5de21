"""MLflow: one run of the experiment ``tag2mask`` for each folder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from mlflow.tracking import MlflowClient

EXPERIMENT = "tag2mask"
FOLDER_TAG = "tag2mask.out"


class MlflowTracker:
    """Writes to an MLflow server or store.

    The same folder continues the same MLflow run, as the same command continues a labeling run.
    The client is used instead of MLflow's current run: a flow of the user may have one.

    Args:
        place: Tracking URI of MLflow; None for its own setting, such as MLFLOW_TRACKING_URI.
        out: The run's folder.
    """

    def __init__(self, place: str | None, out: str) -> None:
        self._client = MlflowClient(tracking_uri=place)
        found = self._client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else self._client.create_experiment(EXPERIMENT)
        folder = out.rstrip("/")
        wanted = f"tags.`{FOLDER_TAG}` = '{folder}'"
        runs = self._client.search_runs([experiment], filter_string=wanted, max_results=1)
        run = (
            runs[0]
            if runs
            else self._client.create_run(experiment, tags={FOLDER_TAG: folder}, run_name=folder)
        )
        self._run = run.info.run_id
        self._client.update_run(self._run, status="RUNNING")

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Stores the settings as a file: MLflow's parameters cannot change in a second run."""
        self._client.log_dict(self._run, dict(settings), "settings.json")

    def log_scalars(self, values: Mapping[str, float], step: int) -> None:
        """Stores figures of a step."""
        for name, value in values.items():
            self._client.log_metric(self._run, name, value, step=step)

    def log_image(self, name: str, png: bytes) -> None:
        """Stores an image as an artifact."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{Path(name).name}.png"
            path.write_bytes(png)
            self._client.log_artifact(self._run, str(path))

    def __enter__(self) -> Self:
        """The tracker itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the MLflow run, as failed after an exception."""
        failed = bool(error and error[0])
        self._client.set_terminated(self._run, "FAILED" if failed else "FINISHED")
