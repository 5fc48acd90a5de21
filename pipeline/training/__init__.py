"""Training of models: samples, losses, the loop, checkpoints, one process or many."""
