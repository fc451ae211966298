"""One expression of the layer grammar, from Python's syntax tree to SymPy, node by node.

Only what stands in a table here is accepted; anything else is an error that names it. Products and sums are built
whole from their factors and terms, so that `2*(a + b)*c` keeps its bracket whatever the order in which it is written.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy
from sympy import Add, Expr, Integer, Pow
from sympy.core.relational import Eq, Ge, Gt, Le, Lt, Ne, Relational

from derive import functions
from derive.errors import LayerError
from derive.graph import extent_symbol, index_symbol, reference
from derive.syntax.extents import Slot
from derive.syntax.hints import CONSTRUCTS, OPERATORS, OTHER_FUNCTIONS, POSITIONS
from derive.syntax.literals import check_number, number, power_fault, too_long
from derive.syntax.names import Names, did_you_mean
from derive.syntax.operations import CONSTANTS, FUNCTIONS, REDUCTIONS, WORDS, multiply
from derive.syntax.source import Source

MAX_DEPTH = 60
MAX_INDEX = 10**6

_COMPARISONS: dict[type[ast.cmpop], type[Relational]] = {
    ast.Eq: Eq, ast.NotEq: Ne, ast.Lt: Lt, ast.LtE: Le, ast.Gt: Gt, ast.GtE: Ge,
}  # fmt: skip


@dataclass
class Scope:
    """What the names of one line can mean.

    `quantities` gives each quantity the slots of its positions, `extents` are the known ones. `free` holds the free
    indices; when the scope is `open` (a fact) an index that is not bound becomes a free one. `numbers` allows
    x[1, 2], and `shadowing` a bound index where another one of that name is in use: inside it is the inner one. An
    index that runs over two extents is an error, unless there are `mismatches` to note it in.
    """

    quantities: Mapping[str, tuple[Slot, ...]]
    extents: frozenset[str]
    free: dict[str, Slot] = field(default_factory=dict)
    open: bool = False
    numbers: bool = False
    shadowing: bool = False
    mismatches: list[LayerError] | None = None


class ExpressionParser:
    """Turns the expressions of one line into SymPy; the scope's slots learn what the line says about extents."""

    def __init__(self, source: Source, names: Names, scope: Scope) -> None:
        self._source = source
        self._names = names
        self._scope = scope
        self._bound: dict[str, Slot] = {}
        self._bound_before: set[str] = set()
        self._depth = 0

    def expression(self, node: ast.expr) -> Expr:
        """The SymPy expression of a node. Raises LayerError for whatever is not in the grammar."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(node, f"nested more than {MAX_DEPTH} deep", "introduce an intermediate quantity")
        try:
            made = self._dispatch(node)
        finally:
            self._depth -= 1
        return made

    def slot_of(self, node: ast.Name) -> Slot:
        """The slot of the index at `node`, bound or free."""
        name = node.id
        slot = self._bound.get(name) or self._scope.free.get(name)
        if slot is not None:
            return slot
        what = self._names.what(name)
        if what is not None and what != "an index":
            hint = "the indices of a quantity are names of their own, such as i, j"
            raise self._error(node, f"{name} is {what}, not an index", hint)
        if not self._scope.open:
            hint = f"sum over it, sum(... for {name} in ...), or give it to the left side"
            raise self._error(node, f"index {name} is neither on the left nor bound by a reduction", hint)
        if name in self._bound_before:
            message = f"index {name} is bound in a reduction of this line and free outside it"
            raise self._error(node, message, "rename one of the two")
        self._names.claim(node, "index")
        return self._scope.free.setdefault(name, Slot())

    def _dispatch(self, node: ast.expr) -> Expr:
        if isinstance(node, ast.BinOp):
            if isinstance(node.op, ast.Add | ast.Sub):
                return self._sum(node)
            if isinstance(node.op, ast.Mult | ast.Div):
                return self._product(node)
            if isinstance(node.op, ast.Pow):
                return self._power(node)
            sign, hint = OPERATORS[type(node.op)]
            raise self._error(node, f"the operator {sign} is not in the grammar", hint)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return self._product(node)
        if isinstance(node, ast.Constant):
            return number(self._source, node)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Subscript):
            return self._element(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        raise self._not_in_grammar(node)

    def _sum(self, node: ast.BinOp) -> Expr:
        """A whole chain a + b - c at once: chains may be long, and must not count as deep."""
        parts: list[tuple[ast.expr, bool]] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp) and isinstance(first.op, ast.Add | ast.Sub):
            parts.append((first.right, isinstance(first.op, ast.Sub)))
            first = first.left
        terms = [self.expression(first)]
        for part, negative in reversed(parts):
            term = self.expression(part)
            terms.append(multiply([Integer(-1), term]) if negative else term)
        self._check_size(node, terms)
        return self._checked(node, Add(*terms))

    def _product(self, node: ast.expr) -> Expr:
        """A whole chain of *, / and signs at once, quotients inside divisors included."""
        factors: list[Expr] = []
        pending: list[tuple[ast.expr, bool]] = [(node, False)]
        while pending:
            part, divides = pending.pop()
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Mult | ast.Div):
                pending.append((part.right, divides != isinstance(part.op, ast.Div)))
                pending.append((part.left, divides))
            elif isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub | ast.UAdd):
                if isinstance(part.op, ast.USub):
                    factors.append(Integer(-1))
                pending.append((part.operand, divides))
            else:
                factor = self.expression(part)
                if divides and factor == 0:
                    raise self._error(part, "division by zero", "the divisor is always 0")
                factors.append(Pow(factor, -1) if divides else factor)
        self._check_size(node, factors)
        return self._checked(node, multiply(factors))

    def _power(self, node: ast.BinOp) -> Expr:
        base, exponent = self.expression(node.left), self.expression(node.right)
        fault = power_fault(base, exponent)
        if fault is not None and fault.part == "whole":
            raise self._error(node, fault.problem, fault.hint)
        if fault is not None:
            part = node.left if fault.part == "base" else node.right
            raise self._error(part, f"the {fault.part} {self._source.spelling(part)} {fault.problem}", fault.hint)
        return self._checked(node, Pow(base, exponent))

    def _name(self, node: ast.Name) -> Expr:
        name = node.id
        if name in self._scope.quantities:
            self._check_arity(node, name, 0)
            return reference(name)
        if name in self._scope.extents:
            return extent_symbol(name)
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in self._bound or name in self._scope.free or self._names.kind(name) == "index":
            hint = "it stands in brackets, x[i], or in delta(i, k); what depends on its value is a constant: mask[i, k]"
            raise self._error(node, f"index {name} is not a number", hint)
        if name in WORDS:
            raise self._error(node, f"{name} is a function", f"call it: {name}(...)")
        raise self._unknown(node)

    def _element(self, node: ast.Subscript) -> Expr:
        if not isinstance(node.value, ast.Name):
            if isinstance(node.value, ast.Attribute):
                raise self._not_in_grammar(node.value)
            hint = "write x[i, j], with all indices in one bracket"
            raise self._error(node.value, "only a name can have indices", hint)
        name = node.value.id
        if name not in self._scope.quantities:
            what = self._names.what(name)
            if what is None:
                raise self._unknown(node.value, len(getattr(node.slice, "elts", "1")))
            raise self._error(node.value, f"{name} is {what} and has no indices", "only quantities have indices")
        written = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        self._check_arity(node, name, len(written))
        pairs = zip(written, self._scope.quantities[name], strict=True)
        indices = [self._position(index, slot, name, place) for place, (index, slot) in enumerate(pairs, 1)]
        return reference(name, indices)

    def _position(self, node: ast.expr, position: Slot, name: str, place: int) -> Expr:
        """The index at `node`, which stands at the given place of the quantity `name`."""
        if isinstance(node, ast.Name):
            slot = self.slot_of(node)
            if not slot.unite(position):
                message = f"index {node.id} runs over two extents, {slot.extent} and {position.extent}"
                fixed = f"`{slot.because}`" if slot.because else "the left side"
                hint = f"{fixed} gives it {slot.extent}, and place {place} of {name} is {position.extent}"
                error = self._error(node, message, f"{hint}; use one index for each extent, and mind their order")
                if self._scope.mismatches is None:
                    raise error
                self._scope.mismatches.append(error)
            return index_symbol(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool):
            return self._numbered(node, node.value)
        if isinstance(node, ast.Slice):
            raise self._error(node, "a slice is not in the grammar", "name an index for each extent: x[i, j]")
        what, hint = POSITIONS.get(type(node), ("", "write one plain index for each extent: x[i, j]"))
        raise self._error(node, f"{what}an index is a plain name such as i", hint)

    def _numbered(self, node: ast.Constant, value: int) -> Expr:
        if not self._scope.numbers:
            raise self._error(node, "a number as an index is not in the grammar of a layer", "name an index: x[i]")
        if not 1 <= value <= MAX_INDEX:
            raise self._error(node, f"an index is a number from 1 to {MAX_INDEX}", "the first element is x[1]")
        return Integer(value)

    def _call(self, node: ast.Call) -> Expr:
        if not isinstance(node.func, ast.Name):
            if isinstance(node.func, ast.Attribute):
                raise self._not_in_grammar(node.func)
            hint = "functions are called by their bare names: exp(x[i])"
            called = node.func.value if isinstance(node.func, ast.Subscript) else None
            if isinstance(called, ast.Name) and called.id in REDUCTIONS:
                hint = f"a reduction names its index behind its body: {called.id}(x[i, j] for i in N)"
            raise self._error(node.func, "only a function of the grammar can be called", hint)
        name = node.func.id
        if name not in WORDS or name in CONSTANTS:
            raise self._unknown_function(node.func)
        if node.keywords:
            hint = "a reduction names its index: sum(x[i, j] for i in N)" if name in REDUCTIONS else f"write {name}(x)"
            raise self._error(node.keywords[0].value, "a keyword argument is not in the grammar", hint)
        if name in REDUCTIONS:
            return self._reduction(node, name)
        if name == "where":
            return self._where(node)
        if name == "delta":
            return self._delta(node)
        count, build = FUNCTIONS[name]
        self._check_count(node, name, count)
        return self._checked(node, build(*(self.expression(argument) for argument in node.args)))

    def _reduction(self, node: ast.Call, name: str) -> Expr:
        hint = f"write {name}(... for i in N), with the index and its extent"
        if len(node.args) != 1 or not isinstance(node.args[0], ast.GeneratorExp):
            if name == "max" and len(node.args) == 2:
                hint = "the larger of two values is maximum(a, b)"
            elif node.args and isinstance(node.args[0], ast.ListComp):
                hint = f"leave out the square brackets: {name}(... for i in N)"
            raise self._error(node, f"{name} has no index to run over", hint)
        generator = node.args[0]
        outer = dict(self._bound)
        limits: list[tuple[Expr, Integer, Expr]] = []
        for clause in generator.generators:
            limits.append(self._limit(clause, name, {limit[0].name for limit in limits}))
        body = self.expression(generator.elt)
        self._bound = outer
        return REDUCTIONS[name](body, *limits)

    def _limit(self, clause: ast.comprehension, name: str, beside: set[str]) -> tuple[Expr, Integer, Expr]:
        """One `for i in N`, with others `beside` it: binds i and gives the limits of the reduction."""
        if clause.ifs:
            hint = "write the condition with where(condition, a, 0), or multiply with a constant mask"
            raise self._error(clause.ifs[0], "`if` in a reduction is not in the grammar", hint)
        if not isinstance(clause.target, ast.Name) or clause.is_async:
            hint = f"write a `for` for each index: {name}(... for i in N for j in D)"
            raise self._error(clause.target, "a reduction binds one index at a time", hint)
        index, extent = clause.target.id, clause.iter
        if not isinstance(extent, ast.Name):
            named = [n.id for n in ast.walk(extent) if isinstance(n, ast.Name) and n.id in self._scope.extents]
            hint = f"write for {index} in {named[-1] if named else 'N'}; a constant mask leaves some of it out"
            raise self._error(extent, "an index runs over an extent, over all of it", hint)
        if extent.id not in self._scope.extents:
            raise self._unknown_extent(extent, index)
        in_use = index in self._bound or index in self._scope.free
        if index in beside or (in_use and not self._scope.shadowing):
            message = f"index {index} is in use already: it is {'bound' if index in self._bound else 'free'} here"
            raise self._error(clause.target, message, f"choose another index than {index} for this {name}")
        self._names.claim(clause.target, "index")
        self._bound[index] = Slot(extent.id, f"for {index} in {extent.id}")
        self._bound_before.add(index)
        return index_symbol(index), Integer(1), extent_symbol(extent.id)

    def _where(self, node: ast.Call) -> Expr:
        self._check_count(node, "where", 3)
        condition = node.args[0]
        if not isinstance(condition, ast.Compare) or len(condition.ops) != 1:
            hint = "write where(a > b, ...); nest where(...) for several conditions"
            raise self._error(condition, "the condition of where is one comparison", hint)
        compare = _COMPARISONS.get(type(condition.ops[0]))
        if compare is None:
            raise self._error(condition, "this comparison is not in the grammar", "use < <= > >= == or !=")
        left, right = self.expression(condition.left), self.expression(condition.comparators[0])
        holds = compare(left, right)
        first, second = self.expression(node.args[1]), self.expression(node.args[2])
        if holds == sympy.true:
            return first
        if holds == sympy.false:
            return second
        return functions.where(holds, first, second)

    def _delta(self, node: ast.Call) -> Expr:
        self._check_count(node, "delta", 2)
        indices: list[Expr] = []
        slot = Slot()
        for place, argument in enumerate(node.args, 1):
            if not isinstance(argument, ast.Name | ast.Constant):
                _, hint = POSITIONS.get(type(argument), ("", ""))
                raise self._error(argument, "delta compares two indices", f"write delta(i, k){hint and '; '}{hint}")
            indices.append(self._position(argument, slot, "delta", place))
        return functions.delta(*indices)

    def _check_arity(self, node: ast.expr, name: str, count: int) -> None:
        expected = len(self._scope.quantities[name])
        if count != expected:
            have = f"{name} has {_counted(expected, 'index', 'indices')}, not {count}"
            letters = ", ".join("ijklmnpq"[:expected])
            hint = f"write {name}[{letters}]" if expected else f"{name} is a scalar; write {name} alone"
            raise self._error(node, have, hint)

    def _check_count(self, node: ast.Call, name: str, count: int) -> None:
        if len(node.args) != count:
            values = ", ".join(("condition", "a", "b") if name == "where" else "abc"[:count])
            message = f"{name} takes {_counted(count, 'value', 'values')}, not {len(node.args)}"
            raise self._error(node, message, f"write {name}({values})")

    def _check_size(self, node: ast.expr, parts: list[Expr]) -> None:
        """Refuse to add or multiply numbers whose result is too long to be meant."""
        if too_long(parts):
            raise self._error(node, "the numbers are too long", "numbers stay below 1e300")

    def _checked(self, node: ast.expr, made: Expr) -> Expr:
        check_number(self._source, node, made)
        return made

    def _not_in_grammar(self, node: ast.expr) -> LayerError:
        what, hint = CONSTRUCTS.get(type(node), (f"{type(node).__name__}, a construct of Python,", ""))
        return self._error(node, f"{what} is not in the grammar here", hint or "give it a name and an equation")

    def _unknown(self, node: ast.Name, count: int = 0) -> LayerError:
        candidates = [*self._scope.quantities, *self._scope.extents, *CONSTANTS]
        shape = ", ".join("NDKMHC"[:count])
        declare = f"declare it, `{node.id}: [{shape}]`, or give it an equation"
        hint = did_you_mean(node.id, sorted(candidates)) or declare
        return self._error(node, f"unknown name {node.id}", hint)

    def _unknown_function(self, node: ast.Name) -> LayerError:
        what = self._names.what(node.id)
        if what is not None:
            hint = f"a product is written with `*`, and indices in brackets: {node.id}[i]"
            return self._error(node, f"{node.id} is {what} and cannot be called", hint)
        hint = OTHER_FUNCTIONS.get(node.id, "") or did_you_mean(node.id, WORDS)
        return self._error(node, f"unknown function {node.id}", hint or f"the functions are {' '.join(WORDS)}")

    def _unknown_extent(self, node: ast.Name, index: str) -> LayerError:
        what = self._names.what(node.id)
        if what is not None:
            return self._error(node, f"{node.id} is {what}, not an extent", f"write for {index} in N")
        known = sorted(self._scope.extents)
        hint = did_you_mean(node.id, known) or f"the extents are {', '.join(known) or 'none'}"
        return self._error(node, f"nothing fixes the extent {node.id}: no input has it in its shape", hint)

    def _error(self, node: ast.AST, message: str, hint: str) -> LayerError:
        return self._source.error(node, message, hint)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count or 'no'} {one if count == 1 else many}"
