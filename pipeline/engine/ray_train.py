"""Training on a Ray cluster: Ray Train's workers run on the GPUs and may be lost.

The driver sends the training and waits. The weights come back through the checkpoints in the
run's storage, so no process and no node holds the only copy.
"""

from __future__ import annotations

import math
import pickle
import time
from typing import Any

import fsspec
import pyarrow.fs
import ray
import ray.train
import torch
from ray import ObjectRef
from ray.actor import ActorHandle
from ray.exceptions import ActorDiedError
from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
from ray.train.torch import TorchTrainer

from tag2mask.pipeline.engine.base import one_line, picklable_error
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.group import DistributedGroup, SingleProcess
from tag2mask.pipeline.training.trainable import Losses, ProgressCallback, Trainable

_POLL_SECONDS = 1.0
# Largest number of failures from one checkpoint to the next.
_RESTARTS = 3
# Errors that may pass: storage that does not answer, a lost peer or GPU. Any other error would
# come again with the same crop, so it ends the training at once.
_PASSING = (OSError, RuntimeError)


class _Board:
    """Messages of the workers to the driver: the last step and losses, and the failure."""

    def __init__(self) -> None:
        self._news: tuple[int, Losses] | None = None
        self._failure: bytes | None = None
        self._final = False

    def post(self, step: int, losses: Losses) -> None:
        self._news = step, losses

    def news(self) -> tuple[int, Losses] | None:
        news, self._news = self._news, None
        return news

    def fail(self, failure: bytes, final: bool) -> None:
        # The first failure of an attempt counts: when one worker fails, its peers fail without it.
        if self._failure is None or (final and not self._final):
            self._failure, self._final = failure, final

    def failure(self) -> tuple[bytes | None, bool]:
        failure, final = self._failure, self._final
        self._failure, self._final = None, False
        return failure, final


def train_on_ray(training: Trainable, report: ProgressCallback) -> dict[str, float]:
    """Train a model in place on the cluster to which this process is connected.

    Each worker gets a GPU if the cluster has any. One worker gives the same weights as training
    in this process. Several workers share every batch, see
    :mod:`tag2mask.pipeline.training.group`. A lost worker is replaced, and all go on from the last
    checkpoint. This repeats as long as a new checkpoint is written in between.

    Args:
        training: The training, with its number of workers.
        report: Called with the step and the smoothed losses, at most once a second, and at the
            end.

    Returns:
        The smoothed losses by name, and the waiting time as ``seconds``.

    Raises:
        UserError: If the cluster has too few GPUs, or its nodes do not share the storage.
        Exception: The error that the training raised again and again.
    """
    started = time.monotonic()
    workers = training.workers
    # Ray's types take what options() returns for the class itself.
    remote: Any = ray.remote(_Board)
    board = remote.options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
    work = {
        "training": ray.put(training),
        "board": board,
        # Sums over several threads differ in their last bits from those of one thread. So a
        # single worker takes as many threads as training in this process would.
        "threads": max(1, torch.get_num_threads() // workers),
    }
    # In a task, because in the driver Ray Train would handle Ctrl-C for the rest of the process.
    # The task is repeated if the node with Ray Train's state is lost.
    fit: Any = ray.remote(_fit)
    fit = fit.options(num_cpus=0, max_retries=_RESTARTS, retry_exceptions=[ActorDiedError])
    try:
        fitting = fit.remote(work, training.checkpoints, workers, worker_resources(workers))
        _wait(fitting, board, report, training.steps)
    finally:
        ray.kill(board)
    step, losses = training.load_checkpoint()
    if step < training.steps:
        raise UserError(
            f"the cluster trained a model, but this process does not find it at "
            f"{training.checkpoints.uri}: choose a place that is the same on every node"
        )
    report(step, losses)
    return {**losses, "seconds": time.monotonic() - started}


def worker_resources(workers: int) -> dict[str, float]:
    """The resources that each worker reserves: a GPU if the cluster has any, else a processor.

    Args:
        workers: Number of workers.

    Returns:
        Amounts by Ray's names of the resources.

    Raises:
        UserError: If there are GPUs, but too few.
    """
    total = ray.cluster_resources()
    gpus, cpus = total.get("GPU", 0), total.get("CPU", 1)
    if not gpus:
        return {"CPU": 1 / math.ceil(workers / cpus)}
    if gpus < workers:
        # NCCL refuses two workers on one GPU, and Ray would wait for ever.
        raise UserError(
            f"the training wants {workers} workers with a GPU each, and the cluster has "
            f"{gpus:g}: set the training's workers to {int(gpus)}"
        )
    return {"CPU": 1, "GPU": 1}


def _wait(
    fitting: ObjectRef[bytes | None], board: ActorHandle, report: ProgressCallback, steps: int
) -> None:
    """Report the board's news, except the last step, until the training ends."""
    methods: Any = board  # Ray adds the methods at run time, so mypy cannot find them
    try:
        while not ray.wait([fitting], timeout=_POLL_SECONDS)[0]:
            news = ray.get(methods.news.remote())
            if news and news[0] < steps:
                report(*news)
    except BaseException:
        ray.cancel(fitting)
        raise
    if failure := ray.get(fitting):
        raise pickle.loads(failure)  # our own workers made it; it was never stored


def _fit(
    work: dict[str, Any], checkpoints: Checkpoints, workers: int, resources: dict[str, float]
) -> bytes | None:
    """Train until all steps are done or another attempt is useless; runs as a task.

    Returns:
        The pickled exception if the training failed.
    """
    # Ray Train's own restarts are not used: it counts them over the whole training, whatever the
    # progress in between, and it also repeats errors that always come again.
    failures = 0
    while True:
        before = checkpoints.steps()
        try:
            _trainer(work, checkpoints.uri, workers, resources).fit()
            return None
        except TrainingFailedError as error:
            failures = 1 if checkpoints.steps() > before else failures + 1
            failure, final = ray.get(work["board"].failure.remote())
            if final or failures > _RESTARTS:
                death = RuntimeError(f"workers die while they train: {one_line(error)}")
                return failure or pickle.dumps(death)


def _trainer(
    work: dict[str, Any], uri: str, workers: int, resources: dict[str, float]
) -> TorchTrainer:
    storage, path = fsspec.core.url_to_fs(uri)
    return TorchTrainer(
        _work,
        train_loop_config=work,
        scaling_config=ScalingConfig(
            num_workers=workers, use_gpu="GPU" in resources, resources_per_worker=resources
        ),
        run_config=RunConfig(
            # Ray's own files are beside our checkpoint and are cleared with it.
            name="ray",
            storage_path=path,
            storage_filesystem=pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(storage)),
            failure_config=FailureConfig(max_failures=0),
        ),
    )


def _work(work: dict[str, Any]) -> None:
    """The main function of one worker."""
    context = ray.train.get_context()
    board = work["board"]
    torch.set_num_threads(work["threads"])
    tell = board.post.remote if context.get_world_rank() == 0 else _ignore_report
    group = DistributedGroup() if context.get_world_size() > 1 else SingleProcess()
    try:
        ray.get(work["training"]).train(tell, group)
    except Exception as error:
        final = not isinstance(error, _PASSING)
        ray.get(board.fail.remote(pickle.dumps(picklable_error(error)), final))
        raise


def _ignore_report(step: int, losses: Losses) -> None:
    """Drop the report of a worker other than the first: it would be the same."""
