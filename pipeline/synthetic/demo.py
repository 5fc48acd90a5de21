"""The demo's recipe for generated images, which takes a few minutes on a laptop."""

from __future__ import annotations

from tag2mask.pipeline.labeling.recipe import (
    BackboneSettings,
    Recipe,
    RelabelSettings,
    SeedSettings,
    SegmenterSettings,
    TaggerSettings,
)
from tag2mask.pipeline.stages.select import SelectSettings
from tag2mask.pipeline.training.supervised import TrainingSettings

DEMO_IMAGES = 400

# The tiny backbone starts from random weights: it learns faster, and all layers at one rate.
_FROM_SCRATCH = {"batch": 16, "crop": 128, "learning_rate": 3e-3, "head_lr_multiplier": 1.0}

DEMO_RECIPE = Recipe(
    shards=2,
    backbone=BackboneSettings(name="tiny", output_stride=8, pretrained=False),
    tagger=TaggerSettings(
        pooling="average",
        training=TrainingSettings(steps=200, scale=(0.8, 1.2), **_FROM_SCRATCH),
    ),
    # The score maps of such a small backbone are flatter than those of a pretrained one.
    seeds=SeedSettings(
        settings={"canvas": 160}, score_power=10, select=SelectSettings(simple_area=(0.03, 0.8))
    ),
    # The effect of the random walk on generated images is not measured.
    affinity=None,
    # Without ImageNet weights, only the tagger's backbone is trained. With a dropout of one half,
    # a narrow head loses whole classes.
    segmenter=SegmenterSettings(
        width=64,
        dropout=0.1,
        from_tagger=True,
        training=TrainingSettings(steps=200, scale=(0.8, 1.4), **_FROM_SCRATCH),
    ),
    relabel=RelabelSettings(size=160),
)
