import torch

from tag2mask.models.generation.conditions.base import Untold, mismatched, said


def rng():
    return torch.Generator().manual_seed(0)


class TestMismatched:
    def test_facts_are_another_image_s(self):
        vector = torch.tensor([[1.0], [1.0], [2.0], [3.0]]).repeat(20, 1)
        wrong = mismatched(said(vector), rng())
        assert wrong.counts.all()
        assert (wrong.facts.vector != vector).all()
        assert set(wrong.facts.vector[vector == 2].tolist()) == {1.0, 3.0}

    def test_where_all_are_alike_none_counts(self):
        wrong = mismatched(said(torch.ones(5, 3)), rng())
        assert not wrong.counts.any()
        assert wrong.facts.vector.shape == (5, 3)

    def test_a_image_without_another_does_not_count(self):
        wrong = mismatched(said(torch.zeros(1, 3)), rng())
        assert wrong.counts.tolist() == [False]


def test_untold():
    told = Untold()(said(torch.ones(4, 3)))
    assert told.vector.shape == (4, 0)
    assert told.planes.shape[:2] == (4, 0)
