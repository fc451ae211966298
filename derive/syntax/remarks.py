"""What a layer says of its quantities: the LaTeX names, and which are outputs and which are not."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from derive.syntax.names import did_you_mean
from derive.syntax.source import Source
from derive.syntax.statements import Remark, RemarkKind


class Remarks:
    """The remarks of one layer, checked. `quantities` are all its names, `equations` those that are computed."""

    def __init__(
        self, source: Source, remarks: Iterable[Remark], quantities: Collection[str], equations: Collection[str]
    ) -> None:
        self._source = source
        self._quantities, self._equations = quantities, equations
        self._said: dict[RemarkKind, dict[str, Remark]] = {"LaTeX name": {}, "output": {}, "intermediate": {}}
        for remark in remarks:
            self._check(remark)
            self._said[remark.kind][remark.node.id] = remark

    @property
    def latex(self) -> dict[str, str]:
        """The LaTeX names that were given."""
        return {name: remark.latex for name, remark in self._said["LaTeX name"].items()}

    def outputs(self, written: Iterable[str], used: Collection[str]) -> tuple[str, ...]:
        """The outputs among the equations as `written`, of which other equations have `used` some.

        Raises LayerError where there is none left.
        """
        intermediate = self._said["intermediate"]
        inner = {*used, *intermediate} - {*self._said["output"]}
        outputs = tuple(name for name in written if name not in inner)
        if not outputs:  # without a cycle something is not used, and was declared an intermediate
            hint = "the loss depends on the outputs; let one equation be neither used nor declared an intermediate"
            raise self._source.error(list(intermediate.values())[-1].node, "the layer has no output", hint)
        return outputs

    def _check(self, remark: Remark) -> None:
        """Raise LayerError for what cannot be said of a quantity, or has been said of it before."""
        node, name, kind = remark.node, remark.node.id, remark.kind
        if name not in self._quantities:
            hint = did_you_mean(name, self._quantities) or "only quantities have one; an input is `x: [N, D]`"
            message = f"{name} is no quantity of this layer, so it has no {kind}"
            if kind == "intermediate":
                hint = did_you_mean(name, self._quantities) or f"give it an equation, {name}[i] = expression"
                message = f"{name} is no quantity of this layer"
            raise self._source.error(node, message, hint)
        if kind != "LaTeX name" and name not in self._equations:
            hint = f"{kind}s are equations; give the {kind} an equation and a name of its own"
            raise self._source.error(node, f"{name} is given, and cannot be an {kind}", hint)
        if name in self._said[kind]:
            raise self._source.error(node, f"this is said of {name} twice", "delete one of the two lines")
        if kind != "LaTeX name" and (name in self._said["output"] or name in self._said["intermediate"]):
            hint = "an output may be used by other equations, too; delete one of the two lines"
            raise self._source.error(node, f"{name} is declared an output and an intermediate", hint)
