"""Flows and tasks: their server, their retries, and the names of task runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prefect import Flow, Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import exponential_backoff

from tag2mask.flows.server import embed_server
from tag2mask.pipeline.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")

RETRIES = 2
BACKOFF_SECONDS = 20


class ServedFlow(Flow[P, R]):
    """A flow whose embedded server outlives the terminal's signals until the flow has ended."""

    if not TYPE_CHECKING:  # the types are those of Prefect's overloads

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
            """Run the flow, see :func:`tag2mask.flows.server.embed_server`."""
            embed_server()
            return super().__call__(*args, **kwargs)


def flow(**options: Any) -> Callable[[Callable[P, R]], ServedFlow[P, R]]:  # noqa: ANN401
    """Decorate a function as a flow; takes the options of Prefect's own decorator."""

    def decorate(function: Callable[P, R]) -> ServedFlow[P, R]:
        return ServedFlow(function, **options)

    return decorate


def worth_repeating(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether a task that failed may succeed later: bad input never does."""
    return not isinstance(state.data, UserError)


# A step continues where it stopped, so that trying again is cheap. Its result is the URI of a
# committed table or model, which outlives Prefect's memory of it.
step = task(
    cache_policy=NO_CACHE,
    persist_result=False,
    tags=["tag2mask"],
    retries=RETRIES,
    retry_delay_seconds=exponential_backoff(BACKOFF_SECONDS),
    retry_jitter_factor=0.2,
    retry_condition_fn=worth_repeating,
)


def named_step(run_name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """A step whose task runs have a name each.

    Args:
        run_name: Template of the names with the task's parameters, as ``relabel {each.name}``.
    """

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return step(function).with_options(task_run_name=run_name)

    return decorate
