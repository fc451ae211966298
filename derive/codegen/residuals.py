"""What passes from the generated `forward` to the functions that compute gradients."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from derive.codegen.axes import extents_in
from derive.codegen.dialects import Dialect, Like, like
from derive.codegen.signatures import type_of
from derive.codegen.wrapping import unpacked
from derive.derivation import Derivation
from derive.graph import Equation, Graph, Index, Quantity, names_in

# The axis of no length of what is saved for its shape alone, and what that is called.
_EMPTY = Index("_", "_")
_SHAPE = "shape"
# What is computed in where no array tells.
WORKING = "working"
# Names that a NamedTuple has already.
_TUPLE_METHODS = ("count", "index")


@dataclass(frozen=True)
class Residuals:
    """What gradients need of forward: quantities, and the extents and the dtype that no array among them tells.

    Where everything has to be an array, as what a compiler traces has, an empty one called `shape` tells them.
    `needed_by` says which functions need it, in words, and `made_by` which makes it. With `options`, these functions
    have those of the dialect, and the dtype is that of the results.
    """

    quantities: tuple[Quantity, ...]
    extents: tuple[str, ...]
    dtype: bool
    needed_by: str
    dialect: Dialect
    made_by: str = "forward"
    options: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The fields, in order."""
        return (*(q.name for q in self.quantities), *self.extents, *(["dtype"] if self.dtype else []))

    @property
    def saved_shape(self) -> Quantity | None:
        """The empty array that is saved for its shape."""
        return next((q for q in self.quantities if _EMPTY in q.indices), None)

    def origin(self, used: Collection[str]) -> Like:
        """What new arrays are like in the functions that get the residuals."""
        arrays = self.arrays(used)
        if arrays:
            return like(arrays[0].name)
        if self.options:
            return Like(WORKING)
        return Like("dtype") if self.dialect.has_scalars else like(self.quantities[0].name)

    def arrays(self, used: Collection[str]) -> tuple[Quantity, ...]:
        """The fields that are arrays, those that are used anyway first, and among them those with many axes."""
        arrays = (q for q in self.quantities if q.indices)
        return tuple(sorted(arrays, key=lambda q: (q.name not in used, -len(q.indices))))

    def class_lines(self) -> list[str]:
        """The NamedTuple."""
        lines = ["class Residuals(NamedTuple):", f'    """What {self.needed_by} of a call of `{self.made_by}`."""', ""]
        for quantity in self.quantities:
            ignored = self.dialect.ignores if quantity.name in _TUPLE_METHODS else ""
            note = f"  # {_axes(quantity)}" if quantity.indices and not ignored else ""
            lines.append(f"    {quantity.name}: {type_of(quantity, self.dialect)}{ignored}{note}")
        lines += [f"    {extent}: int" for extent in self.extents]
        return lines + ([f"    dtype: np.dtype{'  # of the results' * self.options}"] if self.dtype else [])

    def unpacking_lines(self, used: Collection[str]) -> list[str]:
        """The lines that take the `used` fields out."""
        names = [name if name in used else "_" for name in self.names]
        wanted = [name for name in names if name != "_"]
        if len(wanted) == 1:
            return [f"    {wanted[0]} = residuals.{wanted[0]}"]
        return unpacked(names, "residuals")


def _axes(quantity: Quantity) -> str:
    if _EMPTY in quantity.indices:
        return f"[{', '.join([*quantity.extents[:-1], '0'])}], saved for its shape and dtype"
    return f"[{', '.join(quantity.extents)}]"


def residuals_of(derivation: Derivation, second: Derivation | None, dialect: Dialect) -> Residuals:
    """What the gradients use and the cotangents do not bring; `second` is a derivation of the gradients' own."""
    equations = first_order_equations(derivation)
    given = cotangents_of(derivation)
    if second is not None:
        equations += second_order_equations(derivation, second)
        given += cotangents_of(second)
    used = used_in(equations)
    quantities = tuple(q for q in derivation.forward.quantities if q.name in used)
    needed = dict.fromkeys(extent for q in given for extent in q.extents)
    for equation in equations:
        needed |= dict.fromkeys(index.extent for index in equation.indices)
        needed |= dict.fromkeys(extents_in(equation.expression))
    known = {extent for q in quantities for extent in q.extents}
    extents = tuple(extent for extent in needed if extent not in known)
    needed_by = "`backward` needs" if second is None else "`backward` and `double_backward` need"
    if dialect.has_scalars:
        options = dialect.has_options and any(q.indices for q in derivation.forward.inputs)
        dtype = options or not any(q.indices for q in quantities)
        return Residuals(quantities, extents, dtype, needed_by, dialect, options=options)
    if extents or not quantities:
        axes = (*(Index(extent, extent) for extent in extents), _EMPTY)
        quantities += (Quantity(_SHAPE, axes, "helper"),)
    return Residuals(quantities, (), False, needed_by, dialect)


def first_order_equations(derivation: Derivation) -> list[Equation]:
    """The lines of `backward`: of the results, what the gradients need."""
    return _reaching(derivation.backward, derivation.results)


def second_order_equations(derivation: Derivation, second: Derivation) -> list[Equation]:
    """The lines of `double_backward`: what it needs of the first order that is no residual, and the second order."""
    known = derivation.forward.by_name
    return _reaching(second.backward, [e for e in second.backward.equations if e.name not in known])


def _reaching(graph: Graph, equations: Sequence[Equation]) -> list[Equation]:
    """Those of the equations that the graph's outputs depend on."""
    needed = set(graph.outputs)
    for equation in reversed(equations):
        if equation.name in needed:
            needed |= used_in([equation])
    return [equation for equation in equations if equation.name in needed]


def used_in(equations: Iterable[Equation]) -> set[str]:
    """The names on the right sides."""
    return {name for equation in equations for name in names_in(equation.expression)}


def cotangents_of(derivation: Derivation) -> list[Quantity]:
    """The given cotangents, in the order of the outputs."""
    given = {q.of: q for q in derivation.backward.inputs if q.name not in derivation.forward.by_name}
    return [given[name] for name in derivation.forward.outputs]
