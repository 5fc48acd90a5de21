import torch

from tag2mask.models.generation.conditions.base import IgnoreCondition, swap_vectors, vector_inputs


def rng():
    return torch.Generator().manual_seed(0)


class TestMismatched:
    def test_facts_are_another_image_s(self):
        vector = torch.tensor([[1.0], [1.0], [2.0], [3.0]]).repeat(20, 1)
        mismatched = swap_vectors(vector_inputs(vector), rng())
        assert mismatched.counts.all()
        assert (mismatched.inputs.vector != vector).all()
        assert set(mismatched.inputs.vector[vector == 2].tolist()) == {1.0, 3.0}

    def test_where_all_are_alike_none_counts(self):
        mismatched = swap_vectors(vector_inputs(torch.ones(5, 3)), rng())
        assert not mismatched.counts.any()
        assert mismatched.inputs.vector.shape == (5, 3)

    def test_a_image_without_another_does_not_count(self):
        mismatched = swap_vectors(vector_inputs(torch.zeros(1, 3)), rng())
        assert mismatched.counts.tolist() == [False]


def test_ignored_condition():
    told = IgnoreCondition()(vector_inputs(torch.ones(4, 3)))
    assert told.vector.shape == (4, 0)
    assert told.planes.shape[:2] == (4, 0)
