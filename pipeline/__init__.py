"""Rows in, rows out: records, tables, stages, engines, training and evaluation."""
