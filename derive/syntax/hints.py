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

_STEP = "it is constant between its jumps, and has no gradient; a value that it gives is a constant input"
_SELECTION = "select with a constant of zeros and ones: sum(S[m, i]*x[i] for i in N), with S: constant[M, N]"

OTHER_FUNCTIONS: dict[str, str] = {
    "min": "the smaller of two values is minimum(a, b); the smallest over an index is -max(-x[i] for i in N)",
    "var": "write the variance out: mean((x[i] - mu)**2 for i in N)",
    "std": "write the deviation out: sqrt(mean((x[i] - mu)**2 for i in N))",
    "product": "a product over an index is prod(... for i in N)",
    "ln": "the natural logarithm is log",
    **dict.fromkeys(("power", "pow", "square"), "a power is written **"),
    "norm": "write the norm out: sqrt(sum(x[i]**2 for i in N))",
    "softmax": "write it out: exp(z[i])/sum(exp(z[k]) for k in N)",
    "logsumexp": "write it out: m + log(sum(exp(x[i] - m) for i in N)), with m = max(x[i] for i in N)",
    "range": "a reduction runs over an extent: for i in N",
    **dict.fromkeys(("floor", "ceil", "round", "trunc", "int"), _STEP),
    **dict.fromkeys(("argmax", "argmin", "argsort"), f"{_STEP}; the largest value is max(... for i in N)"),
    **dict.fromkeys(("sort", "topk", "median"), f"the order of values is not in the grammar; {_SELECTION}"),
    **dict.fromkeys(("gather", "take", "roll", "shift", "pad", "embedding"), _SELECTION),
    "cumsum": "sum up to an index with a constant mask of zeros and ones: sum(mask[i, k]*x[k] for k in N)",
    **dict.fromkeys(("clip", "clamp"), "write minimum(maximum(x, a), b)"),
    "tan": "write it out: sin(x)/cos(x)",
    "sinh": "write it out: (exp(x) - exp(-x))/2",
    "cosh": "write it out: (exp(x) + exp(-x))/2",
    "expm1": "write it out: exp(x) - 1",
    "log2": "write it out: log(x)/log(2)",
    "log10": "write it out: log(x)/log(10)",
    "rsqrt": "write it out: 1/sqrt(x)",
    "gelu": "write it out: x*(1 + erf(x/sqrt(2)))/2",
    **dict.fromkeys(("silu", "swish"), "write it out: x*sigmoid(x)"),
    **dict.fromkeys(("dot", "matmul", "einsum"), "write the sum out: sum(a[i, k]*b[k, j] for k in K)"),
    **dict.fromkeys(("conv", "conv1d", "conv2d", "convolve"), "indices are not added; the shifted copies are an input"),
}

# What stands where an index is expected: its name, and the remedy.
POSITIONS: dict[type[ast.expr], tuple[str, str]] = {
    ast.BinOp: ("an index expression is not in the grammar: ", f"write the plain index; {_SELECTION}"),
    ast.UnaryOp: ("an index expression is not in the grammar: ", f"write the plain index; {_SELECTION}"),
    ast.Subscript: ("a gather is not in the grammar: ", _SELECTION),
    ast.Call: ("an index expression is not in the grammar: ", f"write the plain index; {_SELECTION}"),
    ast.List: ("a list of indices is not in the grammar: ", "write x[i, j], with all indices in one bracket"),
}

# A sign as one writes it on paper, and what the grammar has for it.
SIGNS: dict[str, str] = {
    **dict.fromkeys("–−‐‑—", "a minus is written -"),
    **dict.fromkeys("×·⋅∙∗", "a product is written *"),
    **dict.fromkeys("÷∕", "a quotient is written /"),
    **dict.fromkeys("²³⁴", "a power is written **: x**2"),
    "√": "a root is written sqrt(x)",
    **dict.fromkeys("∑∏", "a reduction is written sum(... for i in N), or prod"),
    "≤": "write <=", "≥": "write >=", "≠": "write !=",
    "∞": "there is no infinite number",
}  # fmt: skip

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
