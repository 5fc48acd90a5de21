"""Losses and constraints that train a segmenter from weak labels."""
