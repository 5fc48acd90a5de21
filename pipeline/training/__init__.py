"""Training of the loop's models: samples, losses, the step, checkpoints, one process or many."""
