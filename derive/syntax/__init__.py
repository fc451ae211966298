"""The layer grammar in pieces: the text, its statements, its names and extents, and its expressions.

`derive/parser.py` puts the pieces together.
"""
