"""Versions of a table: older ones stay readable, and parts are shared."""

import dataclasses

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IMAGES_SCHEMA
from tag2mask.pipeline.tables.manifest import Lineage
from tag2mask.pipeline.tables.parquet import open_parquet
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.versions import file_version, next_version, prune, version_numbers
from tests.pipeline.small_tables import expected_fingerprint, image_rows, writer
from tests.pipeline.tables.test_crash import Crash, crash_at

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


def older(root):
    return {f"parts/{name}" for name in Folder(f"{root}/images/versions/parts").sizes()}


def in_the_glob(root):
    """The ids of all files that the pattern ``parts/*.parquet`` finds, and of no other."""
    parts = Folder(f"{root}/images/parts")
    found = []
    for name in parts.sizes():
        with open_parquet(parts, name) as parquet:
            found += parquet.read(columns=["id"])["id"].to_pylist()
    return sorted(found)


def ids(rows):
    return sorted(row["id"] for row in rows)


def test_the_parts_folder_holds_the_current_version_alone(root):
    first = commit(root, ROWS[:5])
    assert in_the_glob(root) == ids(ROWS[:5])
    second = commit(root, ROWS[3:], key="second")
    assert in_the_glob(root) == ids(ROWS[3:])
    third = commit(root, ROWS[:2], second, "third")
    assert in_the_glob(root) == ids([*ROWS[3:], *ROWS[:2]])
    assert (stored(root), older(root)) == (paths(third), paths(first))
    fourth = commit(root, ROWS[:7], key="fourth")
    assert in_the_glob(root) == ids(ROWS[:7])
    for number, table in enumerate((first, second, third, fourth), start=1):
        # Both a reader that was open all the time and one that opens the version now.
        reopened = Table.open(f"{root}/images", revision=number)
        reopened.verify()
        assert sorted(table.ids()) == sorted(reopened.ids())
        assert sorted(row["width"] for row in Scan(table, columns=["width"]).rows()) == sorted(
            row["width"] for row in reopened.rows(["width"])
        )
        names = [file.removeprefix(f"{reopened.uri}/") for file in reopened.files]
        sizes = [len(Folder(reopened.uri).read(name)) for name in names]
        assert sizes == [part.bytes for part in reopened.manifest.parts]
    assert prune(f"{root}/images", 2) == [1, 2]
    assert in_the_glob(root) == ids(ROWS[:7])
    assert older(root) == paths(third)
    assert prune(f"{root}/images", 1) == [3]
    assert (in_the_glob(root), older(root)) == (ids(ROWS[:7]), set())
    with pytest.raises(UserError, match=r"no longer in .*: its version was pruned"):
        second.ids()


def test_a_version_that_equals_an_older_one_takes_its_place(root):
    commit(root, ROWS[:5])
    commit(root, ROWS[3:], key="second")
    again = commit(root, ROWS[:5])
    assert again.manifest.revision == 3
    assert (stored(root), in_the_glob(root)) == (paths(again), ids(ROWS[:5]))
    assert not older(root) & paths(again)
    assert [len(Table.open(f"{root}/images", revision=n).ids()) for n in (1, 2, 3)] == [5, 9, 5]


@pytest.fixture
def old_layout(root):
    """Three versions whose parts lie together, as releases up to 0.1 kept them."""
    commit(root, ROWS[:5])
    commit(root, ROWS[3:], key="second")
    commit(root, ROWS[:7], key="third")
    place = Folder(f"{root}/images")
    for path in older(root):
        place.move(f"versions/{path}", path)
    assert len(in_the_glob(root)) == 5 + 9 + 7
    return root


def test_an_old_layout_opens(old_layout):
    for number, count in ((1, 5), (2, 9), (3, 7)):
        table = Table.open(f"{old_layout}/images", revision=number)
        table.verify()
        assert len(table.ids()) == count


def test_an_old_layout_is_put_in_order_by_prune(old_layout):
    assert prune(f"{old_layout}/images", 2) == [1]
    assert in_the_glob(old_layout) == ids(ROWS[:7])
    assert len(Table.open(f"{old_layout}/images", revision=2).ids()) == 9


@pytest.mark.parametrize("key", ["third", "fourth"])
def test_an_old_layout_is_put_in_order_by_the_next_commit(old_layout, key):
    rows = ROWS[:7] if key == "third" else ROWS[2:]
    made = writer(
        old_layout,
        "images",
        IMAGES_SCHEMA,
        key=key,
        staging=f"{old_layout}/.staging/{key}",
        lineage=Lineage(revision=3 if key == "third" else 4),
    )
    file_version(Folder(f"{old_layout}/images"))
    if key == "fourth":
        made.stage(rows)
    made.commit()
    assert in_the_glob(old_layout) == ids(rows)
    assert len(Table.open(f"{old_layout}/images", revision=1).ids()) == 5


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_leaves_whole_versions(root, monkeypatch, after):
    rows = {1: ROWS[:5], 2: ROWS[3:]}
    for step in range(100):
        run = f"{root}/run{step}"
        reader = commit(run, rows[1])
        with monkeypatch.context() as patch:
            crash_at(patch, step, after)
            try:
                commit(run, rows[2], key="second")
                break
            except Crash:
                pass
        current = Table.open(f"{run}/images")
        current.verify()
        assert sorted(current.ids()) == ids(rows[current.manifest.revision])
        assert sorted(reader.ids()) == ids(rows[1])
        if current.manifest.revision == 2 or reader.uri.startswith("/"):
            # A local folder is exchanged in one step; an object store needs the same run again.
            if reader.uri.startswith("/"):
                assert in_the_glob(run) == ids(rows[current.manifest.revision])
            Table.open(f"{run}/images", revision=1).verify()
        if current.manifest.revision == 2:
            lineage = Lineage(revision=2)
            writer(run, "images", IMAGES_SCHEMA, key="second", lineage=lineage).commit()
        else:
            commit(run, rows[2], key="second")
        assert in_the_glob(run) == ids(rows[2])
        assert sorted(Table.open(f"{run}/images", revision=1).ids()) == ids(rows[1])
    assert step >= 6
