"""What an author may write who knows Python or NumPy, and what the layer grammar has instead."""

from __future__ import annotations

import ast

# An operator of Python that the grammar lacks: its sign, and the remedy.
OPERATORS: dict[type[ast.operator], tuple[str, str]] = {
    ast.BitXor: ("^", "a power is written **"),
    ast.FloorDiv: ("//", "division is written /"),
    ast.Mod: ("%", "the operators are + - * / **"),
    ast.MatMult: ("@", "a product of matrices is written out: sum(a[i, k]*b[k, j] for k in K)"),
    ast.LShift: ("<<", "the operators are + - * / **"),
    ast.RShift: (">>", "the operators are + - * / **"),
    ast.BitAnd: ("&", "the operators are + - * / **"),
    ast.BitOr: ("|", "the operators are + - * / **"),
}

OTHER_FUNCTIONS: dict[str, str] = {
    "min": "the smaller of two values is minimum(a, b); the smallest over an index is -max(-x[i] for i in N)",
    "var": "write the variance out: mean((x[i] - mu)**2 for i in N)",
    "std": "write the deviation out: sqrt(mean((x[i] - mu)**2 for i in N))",
    "product": "a product over an index is prod(... for i in N)",
    "ln": "the natural logarithm is log",
    "power": "a power is written **",
    "norm": "write the norm out: sqrt(sum(x[i]**2 for i in N))",
    "softmax": "write it out: exp(z[i])/sum(exp(z[k]) for k in N)",
    "range": "a reduction runs over an extent: for i in N",
}

# A construct of Python where an expression is expected: its name, and the remedy.
CONSTRUCTS: dict[type[ast.expr], tuple[str, str]] = {
    ast.Attribute: ("an attribute (a name with a dot)", "the functions of the grammar are called by their bare names"),
    ast.Compare: ("a comparison", "a comparison stands only inside where(condition, a, b) or after assert"),
    ast.UnaryOp: ("this operator", "the operators are + - * / **"),
    ast.BoolOp: ("`and`/`or`", "nest where(...) inside where(...), or write two facts"),
    ast.IfExp: ("`if`/`else`", "write where(condition, a, b)"),
    ast.GeneratorExp: ("a range without its reduction", "write sum(... for i in N), or mean, max, prod"),
    ast.ListComp: ("a list", "leave out the square brackets: sum(... for i in N)"),
    ast.List: ("a list", "give each value a name and an equation of its own"),
    ast.Tuple: ("a tuple", "give each value a name and an equation of its own"),
    ast.Lambda: ("lambda, a word of Python,", "choose another name, such as lam"),
    ast.Starred: ("a star before a name", "a product is written a*b, a power a**b"),
    ast.NamedExpr: ("`:=`", "give the value an equation of its own"),
    ast.JoinedStr: ("an f-string", 'a LaTeX name stands on a line of its own: name: r"\\sigma"'),
}

# A statement of Python where a line of a layer is expected.
STATEMENTS: dict[type[ast.stmt], tuple[str, str]] = {
    ast.AugAssign: ("`+=` and its like are", "a name is given once: y = a + b"),
    ast.Import: ("`import` is", "the functions of the grammar are there without it"),
    ast.ImportFrom: ("`import` is", "the functions of the grammar are there without it"),
    ast.For: ("a `for` loop is", "an equation y[i] = ... holds for every i; a sum is sum(... for i in N)"),
    ast.FunctionDef: ("`def` is", "write the equations themselves"),
    ast.Return: ("`return` is", "the outputs are the quantities that no equation uses; `name: output` declares one"),
    ast.If: ("`if` is", "write where(condition, a, b) inside an expression"),
}
