"""The environment: defaults that a user's own settings are stronger than."""

import os
import subprocess
import sys

from tag2mask.flows.environment import DEFAULTS, set_defaults


def test_defaults_do_not_replace_what_is_set(monkeypatch):
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    set_defaults()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1"
    assert os.environ["DO_NOT_TRACK"] == "1"
    for name, value in DEFAULTS.items():
        if name != "RAY_USAGE_STATS_ENABLED":
            assert os.environ[name] == value


def test_the_command_line_imports_no_orchestrator():
    """``tag2mask --help`` answers at once, and settings are set before Prefect reads them."""
    code = (
        "import sys, tag2mask.flows.cli; "
        "print([m for m in ('prefect', 'ray', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
