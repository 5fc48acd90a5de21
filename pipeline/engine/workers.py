"""Worker processes that may die: each has its own pipe, so a broken pipe identifies its unit.

A shared pool (``concurrent.futures``) breaks as a whole when one of its processes is killed.
The work of the other processes is lost, and the unit that caused it stays unknown.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from tag2mask.pipeline.engine.base import StageSpec, WorkUnit, picklable_error, run_stages
from tag2mask.pipeline.engine.child_processes import end_with_parent, terminal_signals_blocked
from tag2mask.pipeline.tables.table_writer import TableWriter

# A unit whose worker died is tried once more in another process: another process may have used
# up the memory.
_TRIES = 2
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class _Attempt:
    unit: WorkUnit
    deaths: int = 0
    error: str | None = None  # set after the last attempt to run the stages


@dataclass
class _Worker:
    process: Any
    connection: Connection
    ready: bool = False
    attempt: _Attempt | None = None

    def stop(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def end(self) -> str:
        """Describe how the process ended, after its pipe broke."""
        self.connection.close()
        self.process.join(5)
        code = self.process.exitcode
        if code is not None and code < 0:
            with suppress(ValueError):
                return f"killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"


class WorkerProcesses:
    """A set of processes that run units; each process builds the stages once.

    Args:
        count: Number of processes.
        stages: The stages; sent to the processes by pickle.
        writer: Writer with which the processes stage the rows; they send back only counts.
    """

    def __init__(self, count: int, stages: Sequence[StageSpec], writer: TableWriter) -> None:
        self._count = count
        self._stages = stages
        self._writer = writer
        self._workers: list[_Worker] = []
        self._queue: deque[_Attempt] = deque()
        self._deaths_while_loading = 0

    def run(self, units: Iterable[WorkUnit]) -> Iterator[int]:
        """Run units; yield the number of staged rows after each finished piece of work.

        When a process dies, its unit is tried again in a new process, then row by row. A row on
        which processes die again becomes an error row.

        Raises:
            RuntimeError: If processes die while they load the stages.
            Exception: Any error of a stage's constructor, of reading a unit, or of staging.
        """
        self._queue.extend(_Attempt(unit) for unit in units)
        try:
            while self._queue or any(worker.attempt for worker in self._workers):
                self._assign()
                for connection in wait([worker.connection for worker in self._workers]):
                    worker = next(w for w in self._workers if w.connection is connection)
                    yield from self._listen(worker)
        finally:
            for worker in self._workers:
                worker.stop()
            self._workers.clear()

    def _assign(self) -> None:
        for worker in self._workers:
            if worker.ready and worker.attempt is None and self._queue:
                worker.attempt = self._queue.popleft()
                # _listen handles a process that has just died.
                with suppress(BrokenPipeError, ConnectionError):
                    worker.connection.send((worker.attempt.unit, worker.attempt.error))
        starting = sum(not worker.ready for worker in self._workers)
        while len(self._workers) < self._count and starting < len(self._queue):
            self._workers.append(_start(self._stages, self._writer))
            starting += 1

    def _listen(self, worker: _Worker) -> Iterator[int]:
        try:
            news = worker.connection.recv()
        except (EOFError, ConnectionError):
            self._workers.remove(worker)
            yield from self._handle_death(worker)
            return
        if isinstance(news, BaseException):
            raise news
        if worker.ready:
            worker.attempt = None
            yield news
        worker.ready = True
        self._deaths_while_loading = 0

    def _handle_death(self, worker: _Worker) -> Iterator[int]:
        end = worker.end()
        attempt = worker.attempt
        if not worker.ready:
            self._deaths_while_loading += 1
            if self._deaths_while_loading == _TRIES:
                raise RuntimeError(
                    f"worker processes die while they load the stages ({end}): the memory may be "
                    "too small, try fewer workers"
                )
        if attempt is None:
            return
        attempt.deaths += 1
        if attempt.error:
            # Even reading the row kills its worker.
            yield self._writer.stage([{"id": attempt.unit.ids[0], "error": attempt.error}])
            return
        if attempt.deaths < _TRIES:
            self._queue.append(attempt)
        elif len(attempt.unit.ids) > 1:
            self._queue.extend(_Attempt(unit) for unit in attempt.unit.split())
        else:
            attempt.error = f"its worker process died {_TRIES} times ({end})"
            self._queue.append(attempt)


def _start(stages: Sequence[StageSpec], writer: TableWriter) -> _Worker:
    # spawn: a forked child would inherit torch's locks and threads in any state.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    payload = pickle.dumps((tuple(stages), writer))
    process = context.Process(target=_serve, args=(theirs, payload), daemon=True)
    with _one_thread(), _script_hidden(), terminal_signals_blocked():
        process.start()
    # Only with our copy closed does the pipe break when the process dies.
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _script_hidden() -> Iterator[None]:
    # A new process would import the user's script, and a script without the guard
    # ``if __name__ == "__main__"`` would start its run again. The stages are in modules.
    main = sys.modules["__main__"]
    hidden = {name: main.__dict__.get(name) for name in ("__spec__", "__file__")}
    main.__dict__.update({"__spec__": None})
    main.__dict__.pop("__file__", None)
    try:
        yield
    finally:
        main.__dict__.update({name: value for name, value in hidden.items() if value is not None})


@contextmanager
def _one_thread() -> Iterator[None]:
    # Libraries read these variables when they are loaded, before the process runs our first
    # line. So they must be in the environment with which the process starts.
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(connection: Connection, payload: bytes) -> None:
    """The main function of a worker process; it ends when the pipe is closed."""
    end_with_parent()
    answer: int | Exception = 0
    try:
        work = _load(payload)
    except Exception as error:
        answer = picklable_error(error)
    with suppress(EOFError, ConnectionError):
        connection.send(answer)
        while not isinstance(answer, Exception):
            unit, known_error = connection.recv()
            try:
                answer = work(unit, known_error)
            except Exception as error:
                answer = picklable_error(error)
            connection.send(answer)


def _load(payload: bytes) -> Callable[[WorkUnit, str | None], int]:
    specs, writer = pickle.loads(payload)  # our own parent sent it; it was never stored
    stages = [spec.build() for spec in specs]
    sizes = [spec.batch_size for spec in specs]
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)

    def work(unit: WorkUnit, known_error: str | None) -> int:
        rows = unit.read()
        if known_error:
            return writer.stage([{**row, "error": known_error} for row in rows])
        return writer.stage(run_stages(stages, sizes, rows))

    return work
