"""The labeling loop: recipe, run, rounds, incremental runs and release."""
