"""Untagged and Rescore: rows prepared for the stages that follow."""

from tag2mask.pipeline.stages.allow_all_classes import Rescore, Untagged


def test_every_class_is_allowed():
    rows = [{"id": "a", "tags": [2]}, {"id": "b", "tags": [1, 3]}]
    assert Untagged(3)(rows) == [{"id": "a", "tags": [1, 2, 3]}, {"id": "b", "tags": [1, 2, 3]}]
    assert rows[0]["tags"] == [2], "the rows that came in stay as they are"


def test_scores_of_an_earlier_round_are_taken():
    seed = {"scores": [b"map"], "source": "dcsm", "model": "hash", "kept": True}
    row = {"id": "a", "tags": [2], "seed": seed}
    (taken,) = Rescore("seed")([row])
    assert taken == {**row, "scores": [b"map"], "source": "dcsm", "model": "hash"}
