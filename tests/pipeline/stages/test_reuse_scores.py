"""Reuse scores: the columns of an earlier round."""

from tag2mask.pipeline.stages.reuse_scores import ReuseScores


def test_scores_of_an_earlier_round_are_taken():
    seed = {"scores": [b"map"], "source": "dcsm", "model": "hash", "kept": True}
    row = {"id": "a", "tags": [2], "seed": seed}
    (taken,) = ReuseScores("seed")([row])
    assert taken == {**row, "scores": [b"map"], "source": "dcsm", "model": "hash"}
