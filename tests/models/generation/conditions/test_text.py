import torch

from tag2mask.models.generation.conditions.text import Text
from tag2mask.models.generation.sentences import Sentences
from tests.models.generation.toys import pairs


def rng():
    return torch.Generator().manual_seed(0)


class TestText:
    def setup_method(self):
        torch.manual_seed(0)
        self.sentences = Sentences(["red", "blue"])
        self.condition = Text(self.sentences, states=6, vector=4)
        self.inputs = self.condition.make_inputs(40, pairs(40, seed=0), rng())

    def test_a_plain_sentence_counts_twice(self):
        assert self.inputs.vector.shape == (40, 2, 5)
        assert torch.equal(self.inputs.vector[:, 0], self.inputs.vector[:, 1])

    def test_every_second_one_lies_between_two(self):
        between = self.condition.between(self.inputs, rng()).vector
        same = (between[:, 0] == between[:, 1]).all(dim=1)
        assert same.tolist() == [True, False] * 20
        assert torch.equal(between[:, 0], self.inputs.vector[:, 0])

    @torch.no_grad()
    def test_between_two_sentences_both_count_alike(self):
        reader = self.condition.for_generator()
        between = self.condition.between(self.inputs, rng())
        swapped = between._replace(vector=between.vector.flip(1))
        torch.testing.assert_close(reader(between).vector, reader(swapped).vector)
        assert not torch.allclose(reader(between).vector[1], reader(self.inputs).vector[1])
        torch.testing.assert_close(reader(between).vector[0], reader(self.inputs).vector[0])

    @torch.no_grad()
    def test_the_order_of_words_matters(self):
        reader = self.condition.for_discriminator()
        words = self.sentences.read(["a red left of a blue", "a blue left of a red"])
        one, other = reader(self.condition.plain(words)).vector
        assert not torch.allclose(one, other)
