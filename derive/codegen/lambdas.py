"""One equation as a function of arrays, through SymPy's lambdify: an oracle for single lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sympy import Symbol, lambdify

from derive.codegen.arrays import ArrayPrinter
from derive.codegen.axes import extents_in
from derive.codegen.dialects import Like
from derive.codegen.runtime import ERF, SIGMOID
from derive.graph import Equation, Quantity, extent_symbol, names_in


def lambdify_equation(equation: Equation, by_name: Mapping[str, Quantity]) -> Callable[..., Any]:
    """The right side of an equation as a function: its quantities, then its extents, to the array of its left side.

    The arguments are named and ordered as `equation_arguments` says: arrays (scalars as numbers) for the quantities,
    integers for the extents. New arrays get the dtype of the first array. Raises TypeError for a kind of expression
    that has no array code.
    """
    names, extents = equation_arguments(equation, by_name)
    arrays = [name for name in names if by_name[name].indices]
    dtype = f"{arrays[0]}.dtype" if arrays else "np.float64"
    printer = ArrayPrinter(by_name, equation.indices, Like(dtype))
    arguments = [*(Symbol(name) for name in names), *(extent_symbol(extent) for extent in extents)]
    modules = [{"np": np, SIGMOID.__name__: SIGMOID, ERF.__name__: ERF}, "numpy"]
    function: Callable[..., Any] = lambdify(arguments, equation.expression, modules=modules, printer=printer)
    return function


def equation_arguments(equation: Equation, by_name: Mapping[str, Quantity]) -> tuple[Sequence[str], Sequence[str]]:
    """The quantities on the right side of an equation, in order, and every extent that it involves."""
    names = names_in(equation.expression)
    extents = dict.fromkeys(index.extent for index in equation.indices)
    extents |= dict.fromkeys(extent for name in names for extent in by_name[name].extents)
    extents |= dict.fromkeys(extents_in(equation.expression))
    return names, list(extents)
