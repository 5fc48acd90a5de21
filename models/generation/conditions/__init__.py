"""Conditions of GANs: none, tags, a code, text, a mask, an image of low resolution."""
