"""Experiment trackers: the losses, figures and images of a run in TensorBoard, MLflow or W&B."""

from tag2mask.flows.tracking.base import NO_TRACKER, Tracker
from tag2mask.flows.tracking.reporter import TrackedReporter
from tag2mask.flows.tracking.trackers import TRACKERS, open_tracker

__all__ = ["NO_TRACKER", "TRACKERS", "TrackedReporter", "Tracker", "open_tracker"]
