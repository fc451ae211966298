"""Judging someone's derivation: each claim against the truth, and what is the matter with a wrong one."""
