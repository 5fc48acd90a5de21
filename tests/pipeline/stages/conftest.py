"""Fixtures of the stages' tests."""

import pytest
import torch

from tests.pipeline.stored_models import stored_model


@pytest.fixture(scope="module")
def affinity(tmp_path_factory):
    """URI of an affinity network."""
    return stored_model(tmp_path_factory.mktemp("models"), "affinity")


@pytest.fixture(autouse=True)
def _normal_floats():
    """Stages flush the smallest floats of their process; the next test does not want that."""
    yield
    torch.set_flush_denormal(False)
