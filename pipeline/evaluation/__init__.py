"""Scores of masks against true ones: the VOC protocol, boundaries, sizes, calibration."""
