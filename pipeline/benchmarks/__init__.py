"""Code that only benchmarks use: control rounds, trainings, timing and tables."""
