"""Training on a Ray cluster: workers of Ray Train, where the GPUs are, that may be lost.

The driver sends what to train and waits. The weights come back as they go on: through the
checkpoints in the run's storage, so that nothing is lost with any process or node.
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
# Failures that a training may have from one checkpoint to the next.
_RESTARTS = 3
# What may pass: storage that does not answer, a peer or a GPU that is lost. Other errors come
# again with the same crop, so the first of them ends the training.
_PASSING = (OSError, RuntimeError)


class _Board:
    """What the workers tell the driver: the last step and loss, and what went wrong."""

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
        # The first of an attempt counts: when one worker fails, its peers fail for the lack of it.
        if self._failure is None or (final and not self._final):
            self._failure, self._final = failure, final

    def failure(self) -> tuple[bytes | None, bool]:
        failure, final = self._failure, self._final
        self._failure, self._final = None, False
        return failure, final


def train_on_ray(training: Trainable, report: ProgressCallback) -> dict[str, float]:
    """Trains a model in place on the cluster that this process is connected to.

    Each worker gets a GPU if the cluster has any. One worker gives the weights that training
    in this process would have given; several share every batch, see
    :mod:`tag2mask.pipeline.training.group`. A lost worker is replaced and all go on from the last
    checkpoint, as often as it takes, as long as there is a new checkpoint in between.

    Args:
        training: What to train, and with how many workers.
        report: Gets the step and the smoothed losses, once a second at most, and at the end.

    Returns:
        The smoothed losses and ``seconds`` (of waiting).

    Raises:
        UserError: If the cluster has too few GPUs, or its nodes do not share the storage.
        Exception: What the training raised again and again.
    """
    started = time.monotonic()
    workers = training.workers
    # Ray's types take what options() returns for the class itself.
    remote: Any = ray.remote(_Board)
    board = remote.options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
    work = {
        "training": ray.put(training),
        "board": board,
        # The sums of several threads differ in their last bits from those of one, so a single
        # worker takes as many as training in this process would.
        "threads": max(1, torch.get_num_threads() // workers),
    }
    # In a task, because in the driver Ray Train would take over the answer to Ctrl-C for the
    # rest of the process; the task is done again if the node with Ray Train's books is lost.
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
            f"the cluster trained a model, but it is not at {training.checkpoints.uri} as this "
            "process sees it: choose a place that is the same on every node"
        )
    report(step, losses)
    return {**losses, "seconds": time.monotonic() - started}


def worker_resources(workers: int) -> dict[str, float]:
    """What each worker reserves: a GPU where the cluster has any, else a processor.

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
    """Reports what is on the board, but for the last step, until the training ends."""
    methods: Any = board  # made from the class at run time, unknown to the checker
    try:
        while not ray.wait([fitting], timeout=_POLL_SECONDS)[0]:
            news = ray.get(methods.news.remote())
            if news and news[0] < steps:
                report(*news)
    except BaseException:
        ray.cancel(fitting)
        raise
    if failure := ray.get(fitting):
        raise pickle.loads(failure)  # made by our own workers, never stored


def _fit(
    work: dict[str, Any], checkpoints: Checkpoints, workers: int, resources: dict[str, float]
) -> bytes | None:
    """Trains until all steps are done or it is in vain; a task of its own.

    Returns:
        The exception, pickled, if it was in vain.
    """
    # Ray Train's own restarts are not used: they are counted over the whole training, however
    # far it gets in between, and they try again what can only fail again.
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
            # Ray's own files beside our checkpoint, to be cleared with it.
            name="ray",
            storage_path=path,
            storage_filesystem=pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(storage)),
            failure_config=FailureConfig(max_failures=0),
        ),
    )


def _work(work: dict[str, Any]) -> None:
    """The life of one worker."""
    context = ray.train.get_context()
    board = work["board"]
    torch.set_num_threads(work["threads"])
    tell = board.post.remote if context.get_world_rank() == 0 else _tell_nobody
    group = DistributedGroup() if context.get_world_size() > 1 else SingleProcess()
    try:
        ray.get(work["training"]).train(tell, group)
    except Exception as error:
        final = not isinstance(error, _PASSING)
        ray.get(board.fail.remote(pickle.dumps(picklable_error(error)), final))
        raise


def _tell_nobody(step: int, losses: Losses) -> None:
    """What other workers than the first report is the same."""
