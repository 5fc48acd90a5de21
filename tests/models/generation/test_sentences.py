import pytest
import torch

from tag2mask.models.generation.sentences import Sentences
from tests.models.generation.toys import pairs

NAMES = ("dog", "cat", "potted plant")


@pytest.fixture
def sentences():
    return Sentences(NAMES)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def scene(*places):
    """A mask with one square a class at (row, column), in the order of the classes."""
    mask = torch.zeros(1, 20, 20, dtype=torch.int64)
    for label, (row, column) in enumerate(places, start=1):
        mask[0, row : row + 4, column : column + 4] = label
    return mask


class TestDescribe:
    @pytest.mark.parametrize(
        ("cat", "said"),
        [
            ((8, 14), {"a dog left of a cat", "a cat right of a dog"}),
            ((8, 2), {"a dog right of a cat", "a cat left of a dog"}),
            ((14, 9), {"a dog above a cat", "a cat below a dog"}),
            ((1, 9), {"a dog below a cat", "a cat above a dog"}),
        ],
    )
    def test_places_are_those_of_the_mask(self, sentences, cat, said):
        tags = torch.tensor([[1.0, 1.0, 0.0]])
        words = [sentences.describe(tags, scene((8, 8), cat), rng(seed)) for seed in range(12)]
        assert {sentences.write(each)[0] for each in words} == said

    def test_classes_without_mask_are_only_named(self, sentences):
        words = sentences.describe(torch.tensor([[1.0, 0.0, 1.0]]), scene((8, 8)), rng())
        assert sentences.write(words)[0] in {
            "a dog and a potted plant",
            "a potted plant and a dog",
        }

    def test_one_tag(self, sentences):
        words = sentences.describe(torch.tensor([[0.0, 1.0, 0.0]]), scene((8, 8)), rng())
        assert sentences.write(words) == ["a cat"]

    def test_no_tag(self, sentences):
        words = sentences.describe(torch.zeros(1, 3), scene(), rng())
        assert sentences.write(words) == [""]

    def test_only_tags_are_named(self, sentences):
        tags = (torch.rand(200, 3, generator=rng()) < 0.5).float()
        mask = torch.randint(4, (200, 8, 8), generator=rng())
        for said, row in zip(
            sentences.write(sentences.describe(tags, mask, rng())), tags, strict=True
        ):
            named = {name for name in NAMES if name in said}
            assert named <= {name for name, tag in zip(NAMES, row, strict=True) if tag}
            assert len(named) == min(2, int(row.sum()))

    def test_a_single_class(self):
        data = pairs(4, seed=0)
        words = Sentences(["thing"]).describe(data["tags"][:, :1], data["mask"], rng())
        assert Sentences(["thing"]).write(words) == ["a thing"] * 4


class TestRead:
    def test_written_sentences_can_be_read(self, sentences):
        said = ["a dog", "a potted plant left of a cat", "a cat and a dog", "a dog above a dog"]
        assert sentences.write(sentences.read(said)) == said

    def test_spaces_do_not_matter(self, sentences):
        assert sentences.write(sentences.read(["  a   dog "])) == ["a dog"]

    @pytest.mark.parametrize(
        "said", ["", "dog", "a horse", "a dog left of", "a dog a cat", "a dog and and a cat", "a a"]
    )
    def test_nonsense_is_refused(self, sentences, said):
        with pytest.raises(ValueError, match=r"write 'a X'.*left of.*dog, cat, potted plant"):
            sentences.read([said])


def test_names_must_differ():
    for names in (["dog", "dog"], ["and"], ["a"]):
        with pytest.raises(ValueError, match="must differ"):
            Sentences(names)
