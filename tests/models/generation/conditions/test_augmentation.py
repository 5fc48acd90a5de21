import torch
from torch.distributions import Normal, kl_divergence

from tag2mask.models.generation.conditions.augmentation import AugmentedTags


def rng():
    return torch.Generator().manual_seed(0)


class TestAugmentedTags:
    def setup_method(self):
        torch.manual_seed(0)
        self.condition = AugmentedTags(classes=3, vector=5)
        self.reader = self.condition.for_generator()
        self.tags = torch.eye(3)

    def test_the_divergence_is_that_of_torch(self):
        inputs = self.condition.make_inputs(3, {"tags": self.tags}, rng())
        mean, log_deviation = self.reader.moments(self.tags).chunk(2, dim=1)
        expected = kl_divergence(Normal(mean, log_deviation.exp()), Normal(0.0, 1.0)).mean()
        torch.testing.assert_close(self.reader.terms(inputs)["divergence"], expected)

    @torch.no_grad()
    def test_draws_have_the_moments(self):
        tags = self.tags[:1].expand(20_000, -1)
        drawn = self.reader(self.condition.make_inputs(20_000, {"tags": tags}, rng())).vector
        mean, log_deviation = self.reader.moments(self.tags[:1]).chunk(2, dim=1)
        torch.testing.assert_close(drawn.mean(dim=0), mean[0], atol=0.03, rtol=0)
        torch.testing.assert_close(drawn.std(dim=0), log_deviation.exp()[0], atol=0.03, rtol=0)

    def test_the_discriminator_does_not_hear_the_noise(self):
        reader = self.condition.for_discriminator()
        batch, random = {"tags": self.tags}, rng()
        one, other = (reader(self.condition.make_inputs(3, batch, random)).vector for _ in range(2))
        assert torch.equal(one, other)

    def test_wrong_tags(self):
        inputs = self.condition.make_inputs(3, {"tags": self.tags}, rng())
        mismatched = self.condition.draw_mismatched(inputs, rng())
        assert mismatched.counts.all()
        assert not (mismatched.inputs.vector == self.tags).all(dim=1).any()
