"""Serving ``label``: a deployment that runs on a schedule or on request."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
)
from prefect.client.schemas.schedules import CronSchedule
from prefect.types.entrypoint import EntrypointType

from tag2mask.flows.label import label
from tag2mask.flows.server import prefect_api
from tag2mask.pipeline.engine import build_engine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.tables.storage import Folder


def serve(name: str, cron: str | None, parameters: dict[str, Any]) -> None:
    """Offers the flow ``label`` with these parameters until it is interrupted.

    Args:
        name: Name of the deployment, ``label/NAME`` in Prefect.
        cron: Schedule in five fields; None runs it on request alone.
        parameters: Parameters of :func:`tag2mask.flows.label.label` as JSON values; a run can
            change them.

    Raises:
        UserError: If the schedule, the source, the target or the engine is wrong, or there
            is no server.
    """
    check(cron, parameters)
    with prefect_api() as url:
        print(f"label/{name} is served; see {url.removesuffix('/api')}", flush=True)
        label.serve(
            name=name,
            cron=cron,
            parameters=parameters,
            description=label.description,
            tags=["tag2mask"],
            limit=1,
            # A run that is due while another is at work would find the folder taken.
            global_limit=ConcurrencyLimitConfig(
                limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
            ),
            print_starting_message=False,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )


def check(cron: str | None, parameters: dict[str, Any]) -> None:
    """Checks the schedule and the parameters before the first run.

    Raises:
        UserError: If the schedule, the source, the target or the engine is wrong.
    """
    if cron is not None:
        try:
            CronSchedule(cron=cron)
        except ValueError as error:
            raise UserError(
                f"the schedule {cron!r} is not a cron expression: write minute, hour, day, month "
                "and weekday, as in '0 3 * * *'"
            ) from error
    build_engine(parameters["engine"], parameters["workers"])
    Folder(parameters["out"]).check_writable()
    open_source(parameters["source"], parameters.get("source_kind"))
