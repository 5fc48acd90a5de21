import math

import torch
from torch.distributions import Categorical, Normal

from tag2mask.models.generation.conditions.code import CATEGORICAL, CONTINUOUS, Code


def rng():
    return torch.Generator().manual_seed(0)


class TestCode:
    def test_codes_are_uniform(self):
        vector = Code(4, 2, 8).make_inputs(4000, {}, rng()).vector
        assert (vector[:, :4].sum(dim=1) == 1).all()
        assert (vector[:, :4].mean(dim=0) - 0.25).abs().max() < 0.03
        assert vector[:, 4:].abs().max() <= 1
        assert abs(vector[:, 4:].var() - 1 / 3) < 0.02

    def test_terms_are_surprises(self):
        torch.manual_seed(0)
        code = Code(4, 2, 8)
        inputs, features = code.make_inputs(10, {}, rng()), torch.randn(10, 8)
        believed, terms = code.posterior(features), code.terms(features, inputs)
        chosen = inputs.vector[:, :4].argmax(dim=1)
        surprise = -Categorical(logits=believed.logits).log_prob(chosen)
        torch.testing.assert_close(terms["category"], CATEGORICAL * surprise.mean())
        normal = Normal(believed.mean, believed.log_deviation.exp())
        surprise = -normal.log_prob(inputs.vector[:, 4:]) - math.log(2 * math.pi) / 2
        torch.testing.assert_close(terms["continuous"], CONTINUOUS * surprise.sum(1).mean())

    def test_without_continuous_codes(self):
        code = Code(3, 0, 8)
        inputs = code.make_inputs(5, {}, rng())
        assert inputs.vector.shape == (5, 3)
        assert code.terms(torch.randn(5, 8), inputs).keys() == {"category"}
