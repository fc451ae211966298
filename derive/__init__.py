"""Derive the backward pass of a layer from its equations."""

__version__ = "0.1.0"
