"""Missing-tag recovery: a tag that a mask lacks gets its share where it is most probable."""

import numpy as np
import pytest

from tag2mask.pipeline.records import decode_mask
from tag2mask.pipeline.stages.recover_missing_tags import (
    RecoverMissingTags,
    find_missing,
    raise_channels,
)
from tag2mask.pipeline.stages.relabel import Relabel
from tests.pipeline.stages.test_relabel import segmented

TAG_AREA = 0.3  # of random logits, so that both cases come about


def random_probabilities(seed, channels=3, size=(20, 30)):
    noise = np.random.default_rng(seed).gumbel(size=(channels, *size)).astype(np.float32)
    odds = np.exp(3 * noise)
    return odds / odds.sum(axis=0)


def shares(probabilities):
    chosen = probabilities.argmax(axis=0)
    return [float((chosen == channel).mean()) for channel in range(len(probabilities))]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_raised_wins_its_share_where_it_leads(share, seed):
    probabilities = random_probabilities(seed)
    probabilities[2] *= 1e-4
    probabilities /= probabilities.sum(axis=0)
    done = raise_channels(probabilities, [2], share)
    assert shares(done)[2] == pytest.approx(share, abs=2 / 600)
    np.testing.assert_allclose(done.sum(axis=0), 1, rtol=1e-5)
    lead = np.log(probabilities[2] / probabilities[:2].max(axis=0))
    won = done.argmax(axis=0) == 2
    assert lead[won].min() >= lead[~won].max()
    # One factor for the whole image: the others keep their odds among themselves.
    np.testing.assert_allclose(done[0] / done[1], probabilities[0] / probabilities[1], rtol=1e-3)


def test_what_takes_more_is_not_lowered():
    probabilities = random_probabilities(0)
    np.testing.assert_allclose(raise_channels(probabilities, [1], 0.1), probabilities, atol=1e-6)


def test_a_probability_of_zero_can_be_raised():
    probabilities = np.zeros((2, 4, 5), np.float32)
    probabilities[0] = 1
    done = raise_channels(probabilities, [1], 0.1)
    assert np.isfinite(done).all()
    np.testing.assert_allclose(done.sum(axis=0), 1)


def test_missing_channels_are_those_under_the_bound():
    probabilities = np.zeros((4, 10, 10), np.float32)
    probabilities[0] = 0.1
    probabilities[1, :3] = 0.9  # 30 % of the pixels
    probabilities[2, 9, :2] = 0.9  # 2 %
    assert find_missing(probabilities, 0.01) == [3]
    assert find_missing(probabilities, 0.02) == [3]
    assert find_missing(probabilities, 0.021) == [2, 3]
    assert find_missing(probabilities[:1], 0.5) == []


def test_images_whose_tags_are_found_stay_as_they_are():
    rows = [segmented(number, [1 + number % 2, 3][: 1 + number % 3]) for number in range(12)]
    plain = Relabel(crf="none")(rows)
    recovered = RecoverMissingTags(tag_area=TAG_AREA, share=0.4, crf="none")(rows)
    probabilities = [Relabel(crf="none").probabilities(np.empty((48, 64, 3)), row) for row in rows]
    looked_again = 0
    for before, after, probability in zip(plain, recovered, probabilities, strict=True):
        areas = dict(zip(before["classes"], before["area"], strict=True))
        absent = [tag for tag in before["tags"] if areas.get(tag, 0) < TAG_AREA]
        if not absent:
            assert after == before
            continue
        looked_again += 1
        mask = decode_mask(after["mask"]["bytes"])
        assert (mask == absent[-1]).mean() == pytest.approx(0.4, abs=0.01)
        # The confidence is that of the scores as they were.
        expected = probability[1 + after["tags"].index(absent[-1])][mask == absent[-1]].mean()
        found = after["confidence"][after["classes"].index(absent[-1])]
        assert found == pytest.approx(float(expected))
    assert 0 < looked_again < len(rows)


def test_no_share_is_plain_relabeling():
    rows = [segmented(number, [1 + number % 3]) for number in range(4)]
    recovered = RecoverMissingTags(tag_area=TAG_AREA, share=0.0, crf="none")(rows)
    assert recovered == Relabel(crf="none")(rows)


def test_a_row_does_not_depend_on_its_batch():
    stage = RecoverMissingTags(tag_area=TAG_AREA, share=0.2, crf="irn")
    rows = [segmented(number, [1 + number % 2, 3][: 1 + number % 3]) for number in range(4)]
    assert stage(rows) == [stage([row])[0] for row in rows]
