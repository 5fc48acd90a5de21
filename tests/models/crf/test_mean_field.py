"""Mean field: the number of its steps, and padding, which changes nothing."""

import pytest
import torch

from tag2mask.models.crf.mean_field import Kernel, gaussian_taps, mean_field, step_lengths


@pytest.mark.parametrize("iterations", range(14))
def test_steps_add_up(iterations):
    lengths = step_lengths(iterations)
    assert sum(lengths) == iterations
    assert list(lengths) == sorted(lengths), "the first steps are the largest changes"


def test_ten_steps_cost_six():
    assert step_lengths(10) == (1, 1, 2, 2, 2, 2)


def test_one_step_by_hand():
    """Two pixels that send each other all they have: the message is the other's marginal."""

    def swap(values):
        return values.flip(3)

    inside = torch.ones(1, 1, 1, 2)
    unary = torch.tensor([[0.9, 0.4], [0.1, 0.6]]).log().view(1, 2, 1, 2)
    found = mean_field(unary, [Kernel(swap, inside, 2.0)], 1)
    marginals = unary.exp()
    expected = (unary + 2 * marginals.flip(3)).softmax(1)
    torch.testing.assert_close(found, expected)


def test_padding_neither_sends_nor_receives():
    inside = torch.tensor([1.0, 1.0, 0.0]).view(1, 1, 1, 3)
    kernel = Kernel(lambda values: values.sum(3, keepdim=True).expand_as(values), inside, 1.0)
    values = torch.tensor([0.2, 0.4, 9.0]).view(1, 1, 1, 3)
    torch.testing.assert_close(kernel(values).flatten(), torch.tensor([0.3, 0.3, 0.0]))


def test_taps():
    taps = gaussian_taps(2.0)
    assert len(taps) == 13
    assert taps[6] == 1
    assert taps[8] == pytest.approx(0.60653, abs=1e-5)
