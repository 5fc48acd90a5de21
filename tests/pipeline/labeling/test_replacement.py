"""A run of another source replaces the one in its folder when it is finished, not before."""

from pathlib import Path

import pytest

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.labeling import replacement
from tag2mask.pipeline.labeling.incremental import find_change_of_run
from tag2mask.pipeline.labeling.replacement import ReplacementRun, finish_replacement
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.run_source import RunSource, load_run_source
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.labeling.test_incremental import RECIPE, add_new_images
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import CLASSES, SilentReporter


def plan(run, source, classes=None, force=False):
    tagged = open_source(str(source))
    return find_change_of_run(
        run, tagged, str(source), classes, force=force, retrain=False, share=1.0
    )


def begin(run, source, classes=None):
    """The images of a source, as ``label`` makes them first."""
    RunSource.of(str(source), classes).save(run.folder)
    return run.make_images(ingest(open_source(str(source)), classes))


@pytest.fixture
def sources(tmp_path):
    """Two sources without a common image."""
    add_new_images(tmp_path / "one", range(6))
    add_new_images(tmp_path / "two", range(10, 15))
    return tmp_path / "one", tmp_path / "two"


@pytest.fixture
def run(tmp_path, sources):
    found = Run(str(tmp_path / "run"), RECIPE, LocalEngine(1), SilentReporter())
    begin(found, sources[0])
    return found


def ids(run):
    return set(Table.open(run.table_uri("images")).ids())


def test_another_source_is_refused_and_nothing_is_written(run, sources):
    before = {path: path.stat().st_mtime_ns for path in Path(run.uri).rglob("*")}
    with pytest.raises(UserError, match=r"belongs to the source .*one, not to .*two"):
        plan(run, sources[1])
    with pytest.raises(UserError, match="belongs to the classes"):
        plan(run, sources[0], ["cat"])
    assert {path: path.stat().st_mtime_ns for path in Path(run.uri).rglob("*")} == before


def test_a_copy_that_has_grown_is_the_same_source(run, sources, tmp_path):
    add_new_images(tmp_path / "copy", range(8))
    change, replaced = plan(run, tmp_path / "copy")
    assert not replaced
    assert len(change.images.images) == 8


def test_a_part_of_the_source_elsewhere_is_another_one(run, tmp_path):
    add_new_images(tmp_path / "part", range(5))
    with pytest.raises(UserError, match="belongs to the source"):
        plan(run, tmp_path / "part")


def test_a_source_may_lose_images_where_it_is(run, sources):
    listed = sources[0] / "tags.csv"
    listed.write_text("".join(listed.read_text().splitlines(keepends=True)[:-1]))
    assert not plan(run, sources[0])[1]


def test_the_old_run_stays_until_the_new_one_is_complete(run, sources):
    old = ids(run)
    change, replaced = plan(run, sources[1], force=True)
    assert replaced
    made = ReplacementRun(run, RunSource.of(str(sources[1]), None))
    made.make_images(change.images)
    assert ids(run) == old
    finish_replacement(run.folder)  # as the next run of the old source would
    assert ids(run) == old
    assert plan(run, sources[0])[1] is False

    made = ReplacementRun(run, RunSource.of(str(sources[1]), None))  # as after a kill
    new = ids(made)
    made.complete()
    assert ids(run) == new != old
    assert load_run_source(run.folder) == RunSource.of(str(sources[1]), None)
    assert plan(run, sources[1])[1] is False
    assert not (Path(run.uri) / replacement.REPLACEMENT).exists()


def test_a_third_source_begins_again(run, sources, tmp_path):
    ReplacementRun(run, RunSource.of(str(sources[1]), None)).make_images(
        ingest(open_source(str(sources[1])), None)
    )
    third = ReplacementRun(run, RunSource.of(str(tmp_path / "three"), None))
    assert not Folder(third.table_uri("images")).sizes()


def test_a_kill_between_two_moves_is_repaired(run, sources, monkeypatch):
    made = ReplacementRun(run, RunSource.of(str(sources[1]), None))
    new = set(made.make_images(ingest(open_source(str(sources[1])), None)).ids())
    Folder(made.model_uri("tagger")).write("model.json", b"new")
    with monkeypatch.context() as patch:
        patch.setattr(replacement, "REPLACED", ("images", "rounds"))
        patch.setattr(RunSource, "save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            made.complete()
    assert not Folder(run.model_uri("tagger")).sizes()
    finish_replacement(run.folder)
    assert ids(run) == new
    assert Folder(run.model_uri("tagger")).read("model.json") == b"new"


def test_the_dataset_of_a_replacement_is_that_of_the_run(run, sources):
    made = ReplacementRun(run, RunSource.of(str(sources[1]), None))
    assert made.table_uri("dataset") == run.table_uri("dataset")
    assert made.table_uri("images") != run.table_uri("images")


def test_corrections_of_people_are_kept_aside(run, sources):
    corrections = writer(run.uri, "corrections")
    corrections.stage([{"id": "0" * 64}])
    corrections.commit()
    made = ReplacementRun(run, RunSource.of(str(sources[1]), None))
    made.make_images(ingest(open_source(str(sources[1])), CLASSES))
    made.complete()
    (kept,) = Path(run.uri).glob("corrections*")
    assert kept.name != "corrections"
    assert Table.open(str(kept)).ids() == ["0" * 64]


def test_a_replacement_on_an_object_store(sources):
    """It cannot rename: files are copied before the old ones are removed."""
    found = Run("memory://replaced/run", RECIPE, LocalEngine(1), SilentReporter())
    begin(found, sources[0])
    made = ReplacementRun(found, RunSource.of(str(sources[1]), None))
    new = set(made.make_images(ingest(open_source(str(sources[1])), None)).ids())
    made.complete()
    assert ids(found) == new
    Table.open(found.table_uri("images")).verify()
