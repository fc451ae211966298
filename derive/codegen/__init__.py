"""Generated code: one module for each target, and what the targets share.

targets.py          the table of targets, and which layers have functions committed for all of them
module.py           a derivation as a module of functions, in any of the dialects
numpy.py            the same for NumPy, as text or in memory
array_api.py torch.py jax.py    the same for other libraries; autograd.py is what torch differentiates
loops.py            the same as compiled loops; functions_of_loops.py loops_printer.py scalars.py are its parts
schedule/           the loops: passes, what is fused, what is kept
dialects.py         what the targets write differently; arrays_alone.py is it for all but NumPy
layer_functions.py  the functions of a module: forward, backward, double_backward; residuals.py what passes between
contract.py         their argument checks
runtime*.py         the functions that a generated module brings along, for each target
arrays.py           an expression as whole-array code; elementwise.py is the half of it without products and sums
axes.py products.py quotients.py contractions.py    how axes are aligned, and products and sums taken apart
decimals.py wrapping.py    numbers, and long lines, as text
lambdas.py          one equation as a function, through SymPy's lambdify
"""
