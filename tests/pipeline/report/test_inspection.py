"""An inspection of a small run: what it counts, what it shows, what it refuses."""

import shutil

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import assess_masks
from tag2mask.pipeline.report.inspection import InspectSettings, inspect_dataset
from tests.pipeline.report.conftest import REASON

SETTINGS = InspectSettings(examples=2, side=48)


def test_counts_and_cards(toy_run):
    found = inspect_dataset(toy_run.dataset, settings=SETTINGS)
    assert found.survey.masks == 16
    assert found.survey.sources == {"powerful": 16}
    assert found.survey.rounds == {3: 16}
    assert found.survey.flags == {"uncertain": 16}
    assert found.assessment is None
    assert [step.name for step in found.ladder] == ["seed"]
    assert [(each.name, each.kept, each.rejected) for each in found.rounds] == [
        ("seed", 4, 2),
        ("powerful", 16, 4),
    ]
    assert found.rounds[-1].reasons == {"tag not found": 4}
    best = [card for card in found.cards if ("best", "cat") in card.picks]
    worst = [card for card in found.cards if ("worst", "cat") in card.picks]
    assert [card.name for card in best] == ["18.png", "14.png"]
    assert [card.name for card in worst] == ["3.png", "6.png"]
    assert best[0].confidence == pytest.approx({"cat": 0.95, "": 0.95})
    assert best[0].ground_truth is None
    assert all(max(card.size) == 48 for card in found.cards)
    rejected = [card for card in found.cards if card.reason]
    assert [card.reason for card in rejected] == [REASON] * 4
    assert {pick for card in rejected for pick in card.picks} == {
        ("rejected", tag) for card in rejected for tag in card.tags
    }


def test_each_image_is_shown_once(toy_run):
    names = [card.name for card in inspect_dataset(toy_run.dataset).cards]
    assert sorted(names) == sorted(set(names))
    assert len(names) == 20


def test_with_the_ground_truth(toy_run):
    found = inspect_dataset(toy_run.dataset, ground_truth=toy_run.ground_truth, settings=SETTINGS)
    assert found.assessment == assess_masks(toy_run.dataset, toy_run.ground_truth)
    best = [card for card in found.cards if ("best", "cat") in card.picks]
    worst = [card for card in found.cards if ("worst", "cat") in card.picks]
    # The ground truth shrinks as the number grows, and images from 15 have none.
    assert [card.name for card in best] == ["3.png", "6.png"]
    assert best[0].iou["cat"] > max(card.iou["cat"] for card in worst)
    assert best[0].ground_truth is not None


def test_a_dataset_without_its_run(toy_run, tmp_path):
    alone = tmp_path / "alone"
    shutil.copytree(toy_run.dataset, alone / "dataset")
    found = inspect_dataset(str(alone / "dataset"), settings=SETTINGS)
    assert (found.rounds, found.ladder) == ([], [])
    assert not any(card.reason for card in found.cards)
    again = inspect_dataset(str(alone / "dataset"), run=str(toy_run.folder), settings=SETTINGS)
    assert len(again.rounds) == 2


@pytest.mark.parametrize(
    ("classes", "expected"), [(1, 6), (20, 6), (27, 5), (100, 1), (254, 1)]
)  # fmt: skip
def test_many_classes_show_fewer(classes, expected):
    assert InspectSettings().per_kind(classes) == expected


def test_no_examples_wanted(toy_run):
    assert inspect_dataset(toy_run.dataset, settings=InspectSettings(examples=0)).cards == []


def test_wrong_input(toy_run, tmp_path):
    with pytest.raises(UserError, match="no published dataset: give RUN/dataset"):
        inspect_dataset(str(toy_run.folder / "rounds/powerful"))
    with pytest.raises(UserError, match="no table at"):
        inspect_dataset(str(tmp_path / "absent"))
    with pytest.raises(UserError, match="is no run"):
        inspect_dataset(toy_run.dataset, run=str(tmp_path))
    with pytest.raises(UserError, match="no ground truth masks"):
        inspect_dataset(toy_run.dataset, ground_truth=str(tmp_path / "absent"))
