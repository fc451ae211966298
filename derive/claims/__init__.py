"""Reading someone's derivation: text in the layer grammar, LaTeX or a NumPy function, to claims that can be judged."""
