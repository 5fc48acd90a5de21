"""Checks of a machine and of a Ray cluster."""
