"""Figures of the throughput benchmark by hand, and the plan that follows from them."""

import pytest

from tag2mask.pipeline.benchmarks.resource_usage import Usage
from tag2mask.pipeline.benchmarks.scaling_plan import format_plan
from tag2mask.pipeline.benchmarks.stage_timing import StageTime
from tag2mask.pipeline.benchmarks.throughput_tables import (
    FIGURES,
    EngineFigures,
    PartFigures,
    StepFigures,
    Throughput,
    format_tables,
)


def stage(name, rows, seconds, gpu=0.0):
    return StageTime(
        stage=name, rows=rows, seconds=seconds, cpu_seconds=seconds / 2, gpu_seconds=gpu
    )


def engine(name, workers, seconds):
    stages = [stage("0 read", 10, 1), stage("1 score", 10, 6, 3.6), stage("2 refine", 10, 4)]
    step = StepFigures(
        step="seed", images=10, seconds=8, engine_seconds=7, bytes=50_000, stages=stages
    )
    usage = Usage(cpu_seconds=36, driver_mib=100, others_mib=200, shared_mib=3)
    return EngineFigures(
        engine=name, workers=workers, images=10, seconds=seconds, usage=usage, steps=[step]
    )


@pytest.fixture
def figures():
    return Throughput(
        machine="a laptop",
        sides=(100.0, 200.0),
        backbone="tiny",
        engines=[engine("plain", 1, 15), engine("ray", 2, 11)],
        parts=[PartFigures(part="encode", milliseconds=1.5, stage="refine", share=0.25)],
    )


def test_what_is_no_work_of_a_stage_is_overhead(figures):
    plain, ray = figures.engines
    assert plain.overhead == pytest.approx(0.5)  # 15 seconds, 10 of them in stages
    assert ray.overhead == pytest.approx(1.2)  # 22 seconds of cores
    assert plain.cpu_overhead == pytest.approx((36 - 5) / 5)


def test_tables(figures):
    text = format_tables(figures)
    assert "a laptop; tiny; images of 200 x 100 on average" in text
    assert "| **seed** | 1.2 |  |  | 5000 |" in text
    assert "| 1 score | 1.7 | 300.0 | 360.0 |  |" in text
    assert "| ray | 2 | 10 | 0.91 | 120 % | 620 % | 3.600 | 100 | 200 | 3 |" in text
    assert "| encode | 1.50 | 25 % of refine |" in text


def test_a_plan_multiplies(figures):
    """3,600,000 images: each took 0.55 s of a core and 0.36 s of a GPU in the stages."""
    lines = format_plan(figures, 3_600_000).splitlines()
    assert lines[0].startswith("3,600,000 images like these, from 10 on the engine 'ray'")
    assert lines[4] == "| seed | 550 | 0.4 | 360 | 1.9 | 0.02 |"
    assert lines[5] == "| whole run | 3,600 | 2.3 | 360 | 1.9 | 0.02 |"


def test_figures_survive_json(figures):
    assert FIGURES.validate_json(figures.model_dump_json()) == figures
