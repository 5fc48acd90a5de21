"""Stored systems that paint, untrained: their photos are random but follow the drawing."""

import threading

import pytest
import torch

from tag2mask.models.system_factory import SystemArchitecture
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.systems.paint import PaintModel, PaintServer
from tag2mask.pipeline.training.model_store import save_model

CLASSES = ClassTable(names=("cat", "dog", "bird"))
SIZE = 32


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """Stores a system by its name, once: its URI."""
    folder = tmp_path_factory.mktemp("painters")

    def store(name, **settings):
        uri = str(folder / name)
        architecture = SystemArchitecture(
            name=name, settings={"size": SIZE, "classes": len(CLASSES), **settings}
        )
        torch.manual_seed(0)
        save_model(
            uri,
            architecture.build(),
            architecture=architecture,
            classes=CLASSES,
            key="key",
            training={},
        )
        return uri

    return store


@pytest.fixture(scope="session")
def painter(stored):
    return PaintModel.load(stored("mask_to_photo", width=4), "cpu")


@pytest.fixture(scope="session")
def remover(stored):
    return PaintModel.load(stored("inpainting", width=4), "cpu")


@pytest.fixture
def serve():
    """Serves models until the test ends: a function from a model to its server."""
    running = []

    def start(model):
        server = PaintServer(model)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()
