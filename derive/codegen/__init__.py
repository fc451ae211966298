"""Generated code: one module for each target, and what the targets share.

targets.py          the table of targets, and which layers have functions committed for all of them
numpy.py            a derivation as a module of NumPy functions, as text or in memory
layer_functions.py  the functions of that module: Residuals, forward, backward
contract.py         their argument checks
runtime.py          the functions that a generated module brings along
arrays.py           an expression as whole-array code; elementwise.py is the half of it without products and sums
axes.py products.py quotients.py contractions.py    how axes are aligned, and products and sums taken apart
decimals.py wrapping.py    numbers, and long lines, as text
lambdas.py          one equation as a function, through SymPy's lambdify
"""
