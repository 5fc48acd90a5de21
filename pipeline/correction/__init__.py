"""Masks that people correct: out to a label tool, back, and kept through all rounds."""
