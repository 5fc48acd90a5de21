"""A tracked labeling run: losses of each training, the figures of the result, the contact sheet."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tag2mask


@pytest.mark.slow
def test_a_run_has_its_losses_figures_and_sheet_in_tensorboard(
    tmp_path, source, recipe, prefect_server
):
    result = tag2mask.label(
        source,
        out=tmp_path / "run",
        recipe=recipe,
        engine="local",
        workers=1,
        track="tensorboard",
    )
    events = EventAccumulator(str(tmp_path / "run/tensorboard"), {"images": 4})
    events.Reload()
    scalars = set(events.Tags()["scalars"])
    trained = {name.partition("/")[0] for name in scalars if name.endswith("/loss")}
    assert trained == set(result.models)
    (published,) = events.Scalars("images/published")
    assert published.value == result.published
    assert events.Tags()["images"] == ["contact_sheet"]
    scores = [row.pseudo_label_miou_seeded for row in result.ladder]
    tracked = events.Scalars("quality/pseudo_label_miou_seeded")
    assert [each.value for each in tracked] == pytest.approx(scores)
    assert min(scores) > 0
