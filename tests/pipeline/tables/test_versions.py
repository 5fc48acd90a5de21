"""Versions of a table: older ones stay readable, and parts are shared."""

import dataclasses

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IMAGES_SCHEMA
from tag2mask.pipeline.tables.manifest import Lineage
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.versions import file_version, next_version, prune, version_numbers
from tests.pipeline.small_tables import expected_fingerprint, image_rows, writer

ROWS = image_rows(12)


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path):
    if request.param == "local":
        return str(tmp_path)
    return f"memory://versions/{tmp_path.name}"


def commit(root, rows, base=None, key="first"):
    """The next version of a table, made again or added to a base."""
    place = Folder(f"{root}/images")
    file_version(place)
    lineage = Lineage.of(base=None if base is None else base.manifest)
    made = writer(
        root,
        "images",
        IMAGES_SCHEMA,
        key=key,
        staging=f"{root}/.staging/{key}",
        lineage=dataclasses.replace(lineage, revision=next_version(place)),
    )
    made.stage(rows)
    return made.commit()


def paths(table):
    return {part.path for part in table.manifest.parts}


def stored(root):
    return {f"parts/{name}" for name in Folder(f"{root}/images/parts").sizes()}


def grown(root):
    """Versions of 5, 8 and 12 rows, each added to the one before."""
    first = commit(root, ROWS[:5])
    second = commit(root, ROWS[5:8], first, "second")
    return first, second, commit(root, ROWS[8:], second, "third")


def test_a_version_adds_to_the_one_before(root):
    first, second, third = grown(root)
    assert [table.manifest.revision for table in (first, second, third)] == [1, 2, 3]
    assert paths(first) < paths(second) < paths(third) == stored(root)
    assert sorted(third.ids()) == sorted(row["id"] for row in ROWS)
    assert [row["image"] for row in sorted(third.rows(), key=lambda row: row["id"])] == [
        row["image"] for row in sorted(ROWS, key=lambda row: row["id"])
    ]
    assert [part.shard for part in third.manifest.parts] == sorted(
        part.shard for part in third.manifest.parts
    )


def test_a_grown_table_has_the_fingerprint_of_one_made_at_once(root):
    _, _, third = grown(root)
    assert third.fingerprint == commit(f"{root}/other", ROWS).fingerprint


def test_the_fingerprint_of_masks_is_a_sum_over_rows(root):
    rows = [{"id": row["id"], "mask": {"bytes": row["id"].encode(), "path": None}} for row in ROWS]
    one = writer(root, "round", key="one", staging=f"{root}/.staging/one")
    one.stage(rows[:7])
    lineage = Lineage.of(base=one.commit().manifest)
    two = writer(root, "round", key="two", staging=f"{root}/.staging/two", lineage=lineage)
    two.stage(rows[7:])
    assert two.commit().fingerprint == expected_fingerprint(
        {row["id"]: row["mask"]["bytes"] for row in rows}
    )


def test_older_versions_stay_readable(root):
    grown(root)
    assert version_numbers(Folder(f"{root}/images")) == [1, 2, 3]
    for number, count in ((1, 5), (2, 8), (3, 12)):
        table = Table.open(f"{root}/images", revision=number)
        assert sorted(table.ids()) == sorted(row["id"] for row in ROWS[:count])
        table.verify()


def test_a_version_from_scratch_leaves_the_one_before(root):
    commit(root, ROWS[:5])
    anew = commit(root, ROWS[3:], key="anew")
    assert anew.manifest.revision == 2
    assert len(anew) == 9
    assert len(Table.open(f"{root}/images", revision=1).ids()) == 5


def test_nothing_is_filed_twice_or_for_a_table_that_is_not_there(root):
    file_version(Folder(f"{root}/images"))
    assert Folder(f"{root}/images/versions").sizes() == {}
    commit(root, ROWS[:5])
    for _ in range(2):
        file_version(Folder(f"{root}/images"))
    assert list(Folder(f"{root}/images/versions").sizes()) == ["000001.json"]


def test_the_parts_added_after_a_table_was_made(root):
    first, second, _ = grown(root)
    later = second.without(first.manifest.names())
    assert sorted(later.ids()) == sorted(row["id"] for row in ROWS[5:8])
    assert len(later) == 3
    assert second.without(second.manifest.names()) is None


@pytest.mark.parametrize(("keep", "left"), [(1, [3]), (2, [2, 3]), (3, [1, 2, 3]), (9, [1, 2, 3])])
def test_pruning_keeps_the_newest(root, keep, left):
    grown(root)
    removed = prune(f"{root}/images", keep)
    assert removed == [number for number in (1, 2, 3) if number not in left]
    assert version_numbers(Folder(f"{root}/images")) == left
    Table.open(f"{root}/images").verify()


def test_pruning_removes_the_parts_that_only_old_versions_name(root):
    old = commit(root, ROWS[:5])
    new = commit(root, ROWS[3:], key="anew")
    stray = Folder(f"{root}/images/parts").write("00000-running.parquet", b"a run's, not named yet")
    assert prune(f"{root}/images", 1) == [1]
    assert stored(root) == {*paths(new), f"parts/{stray.name}"}
    assert not stored(root) & paths(old)
    assert prune(f"{root}/images", 1) == []


def test_a_pruned_version_is_reported(root):
    grown(root)
    prune(f"{root}/images", 2)
    with pytest.raises(UserError, match=r"no version 1: it has 2, 3; older versions were pruned"):
        Table.open(f"{root}/images", revision=1)


def test_wrong_wishes(root):
    with pytest.raises(UserError, match="no table"):
        prune(f"{root}/absent", 1)
    commit(root, ROWS[:5])
    with pytest.raises(UserError, match="cannot keep 0 versions"):
        prune(f"{root}/images", 0)
    assert len(Table.open(f"{root}/images")) == 5
