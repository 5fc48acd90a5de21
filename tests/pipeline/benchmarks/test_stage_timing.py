"""Timed stages and the plain loop: the same rows as an engine gives, and records that add up."""

import time

from tag2mask.pipeline.benchmarks.stage_timing import Log, PlainLoop, Timed, TimedEngine, read_times
from tag2mask.pipeline.engine.base import StageSpec, build_table
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.tables.scan import Scan
from tests.pipeline.engine.toys import Reverse
from tests.pipeline.small_tables import images_table, writer


def test_records_add_up(tmp_path):
    for _ in range(2):
        log = Log(str(tmp_path), "seed")
        with log.loaded():
            time.sleep(0.01)
        for rows in (3, 4):
            with log.timed(rows):
                time.sleep(0.01)
    (found,) = read_times(str(tmp_path))
    assert (found.stage, found.rows) == ("seed", 14)
    assert found.seconds > 0.04
    assert found.load_seconds > 0.02
    assert found.cpu_seconds < found.seconds
    assert found.gpu_seconds == 0


def test_a_timed_stage_is_the_stage(tmp_path):
    rows = [{"id": "1", "image": {"bytes": b"abc"}, "tags": [1]}]
    timed = Timed(StageSpec(Reverse), "reverse", str(tmp_path))
    assert timed([dict(row) for row in rows]) == Reverse()([dict(row) for row in rows])
    (found,) = read_times(str(tmp_path))
    assert found.rows == 1


def test_the_plain_loop_makes_what_an_engine_makes(tmp_path):
    images = images_table(tmp_path, 20)
    tables, times = [], []
    for name, engine in (("local", LocalEngine()), ("plain", PlainLoop(f"{tmp_path}/plain"))):
        timed = TimedEngine(engine, f"{tmp_path}/{name}")
        seed = writer(tmp_path / f"run of {name}", "seed")
        counts: list[int] = []
        tables.append(build_table(timed, Scan(images), [StageSpec(Reverse)], seed, counts.append))
        times.append(read_times(f"{tmp_path}/{name}/seed"))
        assert counts[-1] == 20
        assert timed.seconds["seed"] > 0
    assert tables[0].fingerprint == tables[1].fingerprint
    assert [[time.stage for time in found] for found in times] == [
        ["1 reverse"],
        ["0 read", "1 reverse", "2 write"],
    ]
    assert {time.rows for found in times for time in found} == {20}
