"""Tensors in, tensors out: trunks, saliency scorers, CRF, segmenters and weak losses."""
