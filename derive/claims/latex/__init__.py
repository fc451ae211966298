"""A derivation in LaTeX, as people write it, to claims."""
