"""Tensors in, tensors out: backbones, saliency scorers, CRF, segmenters and weak losses."""
