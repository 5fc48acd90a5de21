"""Multiple-instance losses by hand."""

import torch

from tag2mask.models.weak.base import WeakLabels
from tag2mask.models.weak.mil import MilFcn, MilIlp, with_image_prior
from tests.models.weak.test_base import labels, logits


def test_the_best_pixel_of_each_present_class_counts():
    scores, known = logits(), labels()
    log_p = scores.log_softmax(dim=1)
    first = (log_p[0, 0].max() + log_p[0, 1].max()) / 2
    second = (log_p[1, 0].max() + log_p[1, 1].max() + log_p[1, 3].max()) / 3
    torch.testing.assert_close(MilFcn()(scores, known), -(first + second) / 2)


def test_pooling_goes_from_the_mean_to_the_maximum():
    scores = logits()
    alone = WeakLabels(*(part[:1] for part in labels()))
    for sharpness, pooled in ((1e-4, scores.mean(dim=(2, 3))), (1e3, scores.amax(dim=(2, 3)))):
        for tags, channel in ((alone.tags, 1), (torch.zeros_like(alone.tags), 0)):
            expected = -pooled.log_softmax(dim=1)[0, channel]
            found = MilIlp(sharpness)(scores[:1], alone._replace(tags=tags))
            torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-2)


def test_the_prior_takes_classes_away_that_the_image_lacks():
    scores = torch.zeros(1, 3, 6, 6)
    scores[0, 1, :3] = 4  # a strong class on one half, weak hints of another on the rest
    scores[0, 2, 3:] = 0.5
    plain = scores.softmax(dim=1)
    joint = with_image_prior(scores).exp()
    torch.testing.assert_close(joint.sum(dim=1), torch.ones(1, 6, 6))
    assert joint[0, 2, 5, 5] < plain[0, 2, 5, 5] / 2
