"""The comparison tables: complete, resumable, and refused where nothing can be compared."""

import json
import shutil

import pytest

from tag2mask.flows.benchmarks.dcsm_ablation import SCORE_POWERS, ablation, variants
from tag2mask.flows.benchmarks.ladder import BENCHMARKS, ladder
from tag2mask.flows.benchmarks.mask_quality import BUDGETS, SEEDS, masks
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import Recipe, read_recipe
from tag2mask.pipeline.report.ladder import load_ladder
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tests.flows.requests import request
from tests.pipeline.toys import tiny_recipe
from tests.written import written

STEPS = [
    "cam, three scales",
    "low-level saliency",
    "dcsm",
    "dcsm + crf",
    "affinity",
    "initial",
    "enhanced",
    "powerful",
    "augmented",
    "fully supervised",
]


@pytest.fixture(scope="module")
def quick() -> Recipe:
    walk = {"size": 64, "training": {"steps": 2, "batch": 4, "crop": 64}}
    return tiny_recipe(
        "tagger.training.steps=2",
        "segmenter.training.steps=2",
        f"affinity={json.dumps(walk)}",
    )


@pytest.fixture(scope="module")
def climbed(source, quick, prefect_server, tmp_path_factory):
    """The folder of a ladder and the table that it returned."""
    del prefect_server
    out = tmp_path_factory.mktemp("ladder") / "out"
    return out, ladder(request(source, out, quick))


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestLadder:
    def test_every_step_is_measured(self, climbed):
        out, table = climbed
        rows = load_ladder(Folder(f"{out}/run"), "ladder.json")
        assert [row.name for row in rows] == STEPS
        for row in rows[:5]:
            assert row.pseudo_label_miou_seeded is not None
            assert row.miou_dev is None
        for row in rows[5:]:
            assert row.miou_dev is not None
        assert rows[6].pseudo_label_miou_train is not None
        for row in rows:
            assert row.name in table
        assert "| step |" in table

    def test_dev_images_are_the_held_out_ones(self, climbed):
        out, _ = climbed
        train, dev = (set(Table.open(f"{out}/{name}/images").ids()) for name in ("run", "dev"))
        assert len(dev) == 8
        assert not train & dev

    def test_a_second_climb_computes_nothing(self, climbed, source, quick):
        out, _ = climbed

        def state():
            return {path: time for path, time in written(out).items() if path.name != "ladder.json"}

        before = state()
        first = load_ladder(Folder(f"{out}/run"), "ladder.json")
        ladder(request(source, out, quick))
        assert state() == before
        again = load_ladder(Folder(f"{out}/run"), "ladder.json")
        assert [row.name for row in again] == STEPS
        for row, measured in zip(again, first, strict=True):
            assert row.seconds >= measured.seconds, "the first measurement stands"

    def test_the_three_improvements(self, climbed, source, quick):
        out, _ = climbed
        table = ablation(request(source, out, quick))
        lines = table.splitlines()
        assert [line.split("|")[1].strip() for line in lines[2:]] == list(variants(quick))
        for line in lines[2:]:
            _, _, score, images, score_power, _ = line.split("|")
            assert 0 < float(score) < 100
            assert int(images) > 3
            assert float(score_power) in SCORE_POWERS

    @pytest.mark.parametrize("view", BUDGETS)
    def test_masks_of_every_quality_train_a_generator(
        self, climbed, source, quick, monkeypatch, view
    ):
        out, _ = climbed
        for settings in BUDGETS[view].values():
            monkeypatch.setitem(settings, "training", {**settings["training"], "steps": 1})
        monkeypatch.setattr("tag2mask.flows.benchmarks.mask_quality.TEST", 40)
        lines = masks(request(source, out, quick, [view])).splitlines()
        found = [line.split("|")[1].strip() for line in lines[2:]]
        assert found[2:] == [
            "ground truth masks",
            "masks of the loop, powerful",
            "seeds",
            "shuffled masks",
        ]
        for line in lines[4:]:
            assert len(line.split("|")[3].split(",")) == len(SEEDS)
        assert (out / f"masks_{view}.png").read_bytes().startswith(b"\x89PNG")

    def test_rounds_of_other_classes_are_refused(self, climbed, source, quick):
        out, _ = climbed
        images = Table.open(f"{out}/run/images")
        other = request(source, out, quick, ["image"]).model_copy(update={"classes": ("ball",)})
        with pytest.raises(UserError, match=r"hold the classes .*leave --classes out"):
            masks(other)
        assert Table.open(f"{out}/run/images").manifest == images.manifest


def test_masks_need_a_ladder(quick, tmp_path):
    with pytest.raises(UserError, match="no round 'initial' yet: run `tag2mask benchmark ladder`"):
        masks.fn(request("nowhere", tmp_path, quick))


def test_a_damaged_round_is_not_passed_over(quick, tmp_path):
    Folder(f"{tmp_path}/run/rounds/powerful").write("manifest.json", b"{")
    with pytest.raises(UserError, match=r"rounds/powerful/manifest.json is damaged"):
        masks.fn(request("nowhere", tmp_path, quick))


def test_an_unknown_view_is_named(quick):
    with pytest.raises(UserError, match=r"unknown view 'cut'.*image, cutout, object"):
        masks.fn(request("nowhere", "nowhere", quick, ["cut"]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ladder", "dcsm-ablation", "semi-supervised", "table1"])
def test_data_without_ground_truth_masks(name, source, quick, prefect_server, tmp_path):
    del prefect_server
    shutil.copytree(source / "JPEGImages", tmp_path / "data/JPEGImages")
    shutil.copy(source / "tags.csv", tmp_path / "data")
    with pytest.raises(UserError, match="no ground truth masks"):
        BENCHMARKS[name](request(tmp_path / "data", tmp_path / "out", quick))


def test_each_variant_switches_one_improvement_off():
    recipe = read_recipe(None)
    found = variants(recipe)
    whole = found.pop("DCSM")
    assert whole == recipe.seeds.settings
    changed = [settings.items() - whole.items() for settings in map(_hashable, found.values())]
    assert [len(changes) for changes in changed] == [1, 1, 1]


def _hashable(settings):
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
