"""Later runs of ``label`` on a source that has grown, under a real Prefect server."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import fsspec
import pytest
import ray
from PIL import Image
from prefect.client.orchestration import get_client

from tag2mask.flows.artifacts import key_of
from tag2mask.flows.label import label
from tag2mask.flows.results import LabelResult
from tag2mask.pipeline.records import decode_mask
from tag2mask.pipeline.synthetic.images import write_sample
from tag2mask.pipeline.tables.table import Table
from tests.flows.scheduled import ask
from tests.object_store import BUCKET
from tests.written import written

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NEW = 10


@dataclass
class Grown:
    """A run after its source has grown, and what the second run said."""

    source: Path
    folder: Path
    result: LabelResult

    @property
    def summary(self) -> str:
        return str(self.result)


def grow(source: Path, images: Path) -> None:
    """More generated images, all to be labeled."""
    write_sample(images, NEW, seed=2)
    lines = (images / "tags.csv").read_text().splitlines()[1:]
    with (source / "tags.csv").open("a") as table:
        for line in lines:
            file, tags, *_ = line.split(",")
            shutil.copy(images / "JPEGImages" / file, source / "JPEGImages" / f"new_{file}")
            table.write(f"new_{file},{tags},train\n")


@pytest.fixture(scope="module")
def grown(finished, source, recipe, tmp_path_factory) -> Grown:
    place = tmp_path_factory.mktemp("grown")
    shutil.copytree(source, place / "source")
    shutil.copytree(finished.folder, place / "run")
    grow(place / "source", place / "more")
    run = str(place / "run")
    result = label(str(place / "source"), run, recipe, engine="local", workers=1, retrain_share=0.9)
    return Grown(place / "source", place / "run", result)


def test_what_is_new_is_added_as_a_version(grown, finished):
    before, after = (Table.open(f"{root}/dataset") for root in (finished.folder, grown.folder))
    assert after.manifest.revision == 2
    assert len(after) == len(before) + NEW
    assert set(before.manifest.parts) < set(after.manifest.parts)
    old = Table.open(after.uri, revision=1)
    assert old.fingerprint == before.fingerprint
    old.verify()


def test_ray_adds_the_same_on_an_object_store(grown, finished, recipe, s3):
    del s3
    store = fsspec.filesystem("s3")
    place = f"s3://{BUCKET}/grown"
    store.put(str(grown.source), f"{place}/source", recursive=True)
    store.put(str(finished.folder), f"{place}/run", recursive=True)
    label(f"{place}/source", f"{place}/run", recipe, engine="ray", workers=2, retrain_share=0.9)
    ray.shutdown()
    table, expected = (Table.open(f"{root}/dataset") for root in (f"{place}/run", grown.folder))
    assert table.manifest.revision == 2
    assert table.fingerprint == expected.fingerprint
    table.verify()


def test_new_masks_hold_tags_and_background_alone(grown):
    for row in Table.open(f"{grown.folder}/dataset").rows(["id", "mask", "tags"]):
        assert set(decode_mask(row["mask"]["bytes"]).flat) <= {0, 255, *row["tags"]}


def test_new_masks_say_which_round_they_are_of(grown, finished):
    before = set(Table.open(f"{finished.folder}/dataset").ids())
    rows = list(Table.open(f"{grown.folder}/dataset").rows(["id", "round", "previous_round"]))
    assert {row["round"] for row in rows} == {3}
    assert {row["previous_round"] for row in rows if row["id"] not in before} == {None}


def test_models_and_earlier_rounds_stay(grown, finished):
    for name in ("models/tagger/model.json", "models/powerful/model.json"):
        assert (grown.folder / name).read_bytes() == (finished.folder / name).read_bytes()
    for name in ("seed", "initial", "enhanced"):
        tables = [Table.open(f"{root.folder}/rounds/{name}") for root in (grown, finished)]
        assert tables[0].manifest == tables[1].manifest


def test_what_is_said_and_recorded(grown):
    assert f"{NEW} images are new since version 1" in grown.summary
    assert f"{NEW} masks published" in grown.summary
    record = json.loads((grown.folder / "run.json").read_text())
    assert record["version"] == 2
    assert record["additions"][0]["images"] == NEW
    assert record["fingerprint"] == Table.open(f"{grown.folder}/dataset").fingerprint
    with Image.open(grown.folder / record["contact_sheet"]) as sheet:
        assert min(sheet.size) > 200


def test_the_result_is_of_the_whole_dataset(grown):
    """Not of the addition alone."""
    dataset, masks = (
        Table.open(f"{grown.folder}/{name}") for name in ("dataset", "rounds/powerful")
    )
    result = grown.result
    assert (result.version, result.published) == (2, len(dataset))
    assert result.published + sum(result.rejected.values()) == len(masks)
    assert (result.dataset, result.fingerprint) == (dataset.uri, dataset.fingerprint)
    assert Path(result.contact_sheet) == grown.folder / "contact_sheet_000002.png"
    assert Path(result.contact_sheet).is_file()


def test_nothing_new_is_said_and_commits_nothing(grown, recipe):
    before = written(grown.folder)
    summary = str(label(str(grown.source), str(grown.folder), recipe, engine="local", workers=1))
    assert summary == f"nothing new in the source since version 2\n\n{grown.summary}"
    assert written(grown.folder) == before


def artifacts_of(server: str, flow_run_id) -> dict[str, dict[str, object]]:
    """By key, as the UI asks for them."""
    wanted = {"artifacts": {"flow_run_id": {"any_": [str(flow_run_id)]}}}
    found = ask("POST", f"{server}/artifacts/filter", json=wanted).raise_for_status().json()
    return {artifact["key"]: artifact for artifact in found}


def test_a_run_has_a_name_and_artifacts(grown, recipe, prefect_server):
    state = label(
        str(grown.source),
        str(grown.folder),
        recipe.model_dump(mode="json"),
        engine="local",
        workers=1,
        return_state=True,
    )
    assert state.is_completed()
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
        assert run.name.startswith(f"{grown.folder} 20")
    found = artifacts_of(prefect_server, run.id)
    place = str(grown.folder)
    assert set(found) == {
        key_of(name, place) for name in ("summary", "ladder", "counts", "contact-sheet")
    }
    assert "nothing new" in str(found[key_of("summary", place)]["data"])
    assert "powerful" in str(found[key_of("ladder", place)]["data"])
    assert "published" in str(found[key_of("counts", place)]["data"])
    sheet = found[key_of("contact-sheet", place)]
    assert sheet["type"] == "image"
    assert str(sheet["data"]).startswith("data:image/jpeg;base64,")
    assert f"{place}/contact_sheet_000002.png" in str(sheet["description"])
