"""Ray's dashboard: off unless it is asked for, in plain words if it cannot be."""

import logging
import sys
import types

import pytest
import ray

from tag2mask.pipeline.engine.ray import RayEngine
from tag2mask.pipeline.engine.ray_dashboard import VARIABLE, show_address, wants_dashboard
from tag2mask.pipeline.errors import UserError

PACKAGES = "ray.dashboard.optional_deps"


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGES, types.ModuleType(PACKAGES))


@pytest.fixture
def started(monkeypatch):
    """The options with which Ray would have been started."""
    options: list[dict[str, object]] = []

    def init(address: str, **given: object) -> types.SimpleNamespace:
        options.append({"address": address, **given})
        return types.SimpleNamespace(dashboard_url="127.0.0.1:8265")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    return options


@pytest.mark.parametrize("value", [None, "", "0", "off", "No"])
def test_it_is_off(monkeypatch, started, caplog, value):
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    with caplog.at_level(logging.INFO, "tag2mask"):
        RayEngine(1).connect()
    assert [options["include_dashboard"] for options in started] == [False]
    assert caplog.messages == []


@pytest.mark.parametrize("value", ["1", "on", "Yes", "true"])
def test_it_is_on_and_its_address_is_shown(monkeypatch, started, installed, caplog, value):
    monkeypatch.setenv(VARIABLE, value)
    with caplog.at_level(logging.INFO, "tag2mask"):
        RayEngine(1).connect()
    assert [options["include_dashboard"] for options in started] == [True]
    assert caplog.messages == ["Ray's dashboard: http://127.0.0.1:8265"]


def test_missing_packages_are_named(monkeypatch, started):
    monkeypatch.setenv(VARIABLE, "on")
    monkeypatch.setitem(sys.modules, PACKAGES, None)
    with pytest.raises(UserError, match=r"pip install 'ray\[default\]'"):
        RayEngine(1).connect()
    assert started == []


def test_an_unknown_value(monkeypatch):
    monkeypatch.setenv(VARIABLE, "maybe")
    with pytest.raises(UserError, match=r"'maybe' of TAG2MASK_RAY_DASHBOARD; choose one of on"):
        wants_dashboard()


def test_no_address_no_line(caplog):
    with caplog.at_level(logging.INFO, "tag2mask"):
        show_address(types.SimpleNamespace(dashboard_url=""))
    assert caplog.messages == []
