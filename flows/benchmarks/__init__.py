"""Benchmark flows: each measures one table of the documentation."""
