"""What is not understood: each with its place, and with a remedy."""

from __future__ import annotations

import pytest
from latex_samples import claims_of, error_of, read, vocabulary

from derive.claims.claim import Claim, Unreadable
from derive.claims.latex.reader import read_latex
from derive.errors import LayerError, UsageError

# A formula, the culprit (the place of its first character), and a part of what is said.
CASES = [
    (r"dx_{ij} = @z_{ij}", "unknown symbol z_{ij}"),
    (r"dx_{ij} = \gamma_j @\lambda", r"--symbols '\lambda="),
    (r"dx_{ij} = @X_{ij}", "did you mean x?"),
    (r"@X_{ij} = x_{ij}", "did you mean x?"),
    (r"dx_{ij} = x_{@ijk}", "has 3 indices, and x has 2 indices"),
    (r"dx_{ij} = \epsilon_@j", "eps has no index"),
    (r"dx_{ij} = x_{i@+1,j}", "an index is a letter or a number"),
    (r"dx_{ij} = x_{@0j}", "an index is a number from 1"),
    ("dx_{ij} = @\U000f0000", "the character U+F0000 has no meaning"),
    (r"dx_{ij} = @\sum x_{ij}", r"\sum without an index"),
    (r"dx_{ij} = \sum_{k @\neq i} x_{kj}", "a condition on an index"),
    (r"dx_{ij} = \sum_{k=@0}^{N} x_{kj}", "an index begins at 1"),
    (r"dx_{ij} = \sum_{k \in N@^{-1}} x_{kj}", "an index runs over an extent"),
    (r"dx_{ij} = \sum_{k=1}^{N@-1} x_{kj}", "an index runs over an extent"),
    (r"dx_{ij} = @\int x_{ij}", "an integral"),
    (r"dx_{ij} = @\nabla x_{ij}", "∇"),
    (r"dx_{ij} = x_{ij}@^T", "transposed"),
    (r"dx_{ij} = x_{ij}@^{\top}", "transposed"),
    (r"dx_{ij} = x_{ij}@^\top", "transposed"),
    (r"dx_{ij} = x_{ij} @\otimes x_{ij}", "outer product"),
    (r"dx_{ij} = @\begin{cases} 1 \\ 2 \end{cases}", "cases are not in the grammar"),
    (r"dx_{ij} = @\begin{pmatrix} 1 & 2 \end{pmatrix}", "a matrix written out"),
    (r"dx_{ij} = x_{1j} + @\ldots + x_{Nj}", "dots do not say"),
    (r"dx_{ij} = @\pm x_{ij}", "±"),
    (r"dx_{ij} = x_{ij}@'", "a prime"),
    (r"dx_{ij} = x_{ij}@!", "a factorial"),
    (r"dx_{ij} = @(x_{ij}", "never closed"),
    (r"dx_{ij} = (x_{ij}@]", "the bracket ( is closed by ]"),
    (r"dx_{ij} = x_{ij}@)", "this bracket was not opened"),
    (r"dx_{ij} = \frac{x_{ij}}@", r"\frac lacks an argument"),
    (r"dx_{ij} = @\foo{x_{ij}}", r"\foo is not understood"),
    (r"dx_{ij} = x_{ij} +@ ", "something is missing"),
    (r"dx_{ij} = 1/2@x_{ij}", "below the line"),
    (r"dx_{ij} = 2 @3", "two numbers side by side"),
    (r"dx_{ij} = 2@\frac{1}{2}", "a number and a fraction"),
    (r"dx_{ij} = \log x_{ij} @x_{ij}", "where the argument"),
    (r"dx_{ij} = x_{ij}^@10", "without braces"),
    (r"dx_{ij} = x_{ij}@^-1", "in braces"),
    (r"dx_{ij} = x_{12}x_@12", "without braces"),
    (r"dx_{ij} = @\mu(x_{ij})", "a function of"),
    (r"dx_{ij} = @\mathbb{E}[x_{ij}]", "expectation"),
    (r"dx_{ij} = \frac{@\partial^2 L}{\partial x_{ij}^2}", "higher order"),
    (r"dx_{ij} = \frac{\partial L}{\partial @\epsilon}", "has no gradient"),
    (r"dx_{ij} = \frac{\partial L}{\partial @\sigma_j}", "the symbol to the power 2"),
    (r"dx_{ij} = @\partial x_{ij}", "half of a derivative"),
    (r"dx_{ij} = d@\epsilon", "has no gradient"),
    (r"dx_{ij} = dy_{ij} @\approx 2", "no equality"),
    (r"dx_{ij} = 1/@0", "division by zero"),
    (r"dx_{ij} = 9^{@9^{9}}", "the exponent of this power is too large"),
    (r"dx_{ij} = x_{ij}^{@101}", "the exponent of this power is too large"),
    (r"dx_{ij} = 9*@*9**9", "something is missing"),
    (r"dx_{ij} = @\sqrt{-1}", "not a real number"),
    (r"dx_{ij} = \sum_{@k} 1", "nothing fixes the extent of index k"),
    (r"dx_{ij} = \mu_{@12}", "at most 8 elements are written out"),
    (r"dx_{ij} = x_{@10,2}", "at most 8 elements are written out"),
    (r"d\beta_j = \sum_{i=1}^{9} dy_{@ij}", "at most 8 elements are written out"),
    (r"dx_{ij} = @\mathrm{sech}", "say what it is: --symbols '\\mathrm{sech}=NAME', with NAME one of x, gamma, beta"),
    (r"dx_{ij} = dy_{ij} @\mathbb{1}[x_{ij}]", "this 1 is read only with a condition"),
    (r"dx_{ij} = dy_{ij} @\mathbb{1}[(x_{ij} > 0) x_{ij}]", "this 1 is read only with a comparison"),
    (r"dx_{ij} = dy_{ij} \mathbb{1}[@> 0]", "a comparison is of two values"),
    (r"x_{ij} x_{kj} = \mu_j \quad @(i \neq k)", "a condition on the indices is not read: write delta(i, j)"),
    (r"x_{ij} x_{kj} = \mu_j \text{ for } @i \neq k", "a condition on the indices is not read"),
    (r"x_{ij} x_{kj} = \mu_j \text{if } @k \ne i", "a condition on the indices is not read"),
    (r"x_{ij} x_{kj} = \mu_j, \; @i < k", "a condition on the indices is not read"),
    (r"x_{ij} x_{kj} = \mu_j \text{ if } @i = k", "a condition on the indices is not read"),
    (r"x_{ij} x_{kj} = \mu_j \quad @(i = k)", "a condition on the indices is not read"),
    (r"x_{ij} x_{kj} = \mu_j @\text{ if i != k}", "a condition on the indices is not read"),
    (r"x_{ij} = \mu_j \quad @(i \ne 1)", "a condition on the indices is not read"),
    (r"s_j = dy_{@ij}", "index i is neither on the left nor bound by a sum"),
    (r"dx_{ij} = \sum_k x_{ij} dy_{ik} @\gamma", "left out inside a sum over k"),
    (r"d\gamma_j = \sum_{i} @x", "none on the left could be it"),
    (r"\mu_1 = @x_1", "x is x[i, j] in the layer"),
    (r"dx_{ij} = x_{ij} @= ", "nothing stands on this side"),
    (r"dx_{ij} = x_{i@_j}", "an index is a letter"),
    (r"dx_{ij} = x_i@_j", "two indices below"),
    (r"dx_{ij} = \sum_{@k=1}^{q_r} 3", "nothing fixes"),
    (r"dx_{ij} = @\max(1, 2, 3)", "of two values"),
    (r"dx_{ij} = x_{ij} \quad @(x_{ij} + 2)", "belongs to the equation"),
    (r"dx_{ij} = @\exp^{-1}(x_{ij})", "inverse"),
    (r"dx_{ij} @= \\ ", "nothing stands on this side"),
    (r"dx_{ij} = x_{ij} \\ @x_{ij} + 2", "belongs to the equation"),
    (r"@= x_{ij}", "nothing stands before this ="),
    (r"dx_{ij} = x_{@\text{new}}", "new is not an index"),
    (r"dx_{ij} = \frac{@\partial x_{ij} - 1}{\partial x_{ij}}", "half"),
]  # fmt: skip


@pytest.mark.parametrize(("marked", "said"), CASES, ids=[case[0] for case in CASES])
def test_errors_have_their_place(marked: str, said: str) -> None:
    latex = marked.replace("@", "")
    error = error_of("batch_norm", f"Text.\n  ${latex}$\n")
    assert said in str(error)
    assert error.location is not None
    assert error.location.line == 2
    assert error.hint
    assert error.location.text == f"  ${latex}$"
    at = 3 + marked.index("@")
    assert error.location.column == at


def test_only_the_claims_that_need_an_unreadable_side_are_unreadable() -> None:
    lines = read("batch_norm", r"$\mu_j = \frac1N\sum_i x_{ij} = z_j = \mu_j = \beta_j$").lines
    assert [type(line) for line in lines] == [Claim, Unreadable, Unreadable, Claim]
    assert [line.text for line in lines[1:]] == ["= z_j", "= \\mu_j", "= \\beta_j"]
    last = lines[-1]
    assert isinstance(last, Claim)
    assert last.head == vocabulary("batch_norm").known["mu"].element


def test_the_lines_after_an_unreadable_one_are_read() -> None:
    text = "\\begin{align}\n dx_{ij} &= q_{ij} \\\\\n d\\gamma_j &= \\sum_i dy_{ij}\\hat x_{ij}\n\\end{align}"
    first, second = read("batch_norm", text).lines
    assert isinstance(first, Unreadable)
    assert (first.line, first.text) == (2, "dx_{ij} = q_{ij}")
    assert isinstance(second, Claim)
    assert second.line == 3


def test_a_name_whose_definition_is_unreadable_says_so() -> None:
    lines = read("batch_norm", r"$s_j = q_j$, $dx_{ij} = s_j$").lines
    assert [isinstance(line, Unreadable) for line in lines] == [True, True]
    assert "defined on a line that cannot be read" in str(lines[1].error if isinstance(lines[1], Unreadable) else "")


def test_one_alias_stands_for_one_extent() -> None:
    text = r"$d\beta_j = \sum_{i=1}^m dy_{ij}$ and $d\beta_j = \sum_{k=1}^m \mu_k + \beta_j$"
    error = claims_of("batch_norm", text)[1].mismatch
    assert error is not None
    assert "runs over two extents, N and D" in str(error)
    assert error.location is not None
    assert error.location.text[error.location.column :].startswith("k + ")


REFUSED = [
    r"\input{/etc/passwd}", r"\include{x}", r"\def\x{1}", r"\newcommand{\x}{1}", r"\let\x=y", r"\catcode`\@=11",
    r"\csname x\endcsname", r"\openin5=x", r"\read5 to\x", r"\write18{ls}", r"\immediate\write18{ls}",
    r"\usepackage{x}",
]  # fmt: skip


@pytest.mark.parametrize("command", REFUSED)
def test_nothing_is_followed(command: str) -> None:
    text = f"Text.\n{command}\n$dx_{{ij}} = dy_{{ij}}$\n"
    refused, *rest = read("batch_norm", text).lines
    assert isinstance(refused, Unreadable)
    assert "is not followed" in str(refused.error)
    assert (refused.line, refused.error.location.column if refused.error.location else -1) == (2, 0)
    assert isinstance(rest[-1], Claim)
    inside = read("batch_norm", f"$$dx_{{ij}} = {command}$$").lines
    assert all(isinstance(line, Unreadable) for line in inside)


def test_commands_of_the_preamble_are_unknown_only_where_they_are_used() -> None:
    preamble = "\\documentclass{article}\n\\newcommand{\\dd}{\\partial}\n\\input{macros}\n\\def\\x{$a = b$}\n"
    body = "$d\\beta_j = \\sum_i dy_{ij}$\n$d\\beta_j = \\frac{\\dd L}{\\dd \\beta_j}$\n"
    first, second = read("batch_norm", preamble + "\\begin{document}\n" + body + "\\end{document}").lines
    assert isinstance(first, Claim)
    assert isinstance(second, Unreadable)
    assert "\\dd is not understood" in str(second.error)
    assert second.line == 7


def test_a_condition_is_one_of_its_row() -> None:
    text = "\\begin{align} x_{ij} x_{kj} &= \\mu_j \\\\ &= \\beta_j \\quad (i \\neq k) \\\\ &= \\gamma_j \\end{align}"
    lines = read("batch_norm", text).lines
    assert [isinstance(line, Claim) for line in lines] == [True, False, False]


def test_what_is_no_condition_on_indices_is_passed_over() -> None:
    text = r"$x_{ij} = \mu_j, \epsilon > 0$, $x_{ij} = \mu_j \quad (N \neq 1)$, $x_{ij} = \mu_j \quad 1 \le i \le N$"
    assert len(claims_of("batch_norm", text)) == 3


def test_a_factor_behind_a_space_is_not_dropped() -> None:
    assert "belongs to the equation" in str(error_of("relu", r"$dx_{ij} = dy_{ij} \quad \mathbb{1}[x_{ij} > 0]$"))


def test_the_preamble_is_passed_over() -> None:
    text = "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n$dx = dy$\n\\end{document}\n$ junk"
    (claim,) = read("batch_norm", text).lines
    assert isinstance(claim, Claim)


WHOLE = [
    ("", "no formula"), ("Only text.", "no formula"), ("$x_{ij}$ alone", "no formula"),
    ("$dx = dy", "this formula has no end"), (r"\[ dx = dy", "this formula has no end"), ("$$dx = dy$", "no end"),
    (r"\begin{align} dx &= dy", "never closed"), ("$dx = dy$ \x00", "control character"), ("$dx = \ud800$", "control"),
    ("x" * 150_001, "characters"), ("$dx\n\n = dy$", "no end"), ("```math\ndx = dy", "never closed"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WHOLE, ids=range(len(WHOLE)))
def test_texts_that_cannot_be_read_at_all(text: str, said: str) -> None:
    with pytest.raises(LayerError, match=said):
        read("batch_norm", text)


TABLES = [
    ("m", "cannot read the entry 'm'"), ("=N", "cannot read"), ("m=Q", "the layer has no Q"),
    ("z=xhta", "did you mean xhat"),
    (r"\foo=x", "cannot read"), ("a+b=x", "cannot read"), ("{" * 500, "cannot read"), ("m" * 20_000, "too long"),
    (r"\input{x}=y", "cannot read"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "said"), TABLES, ids=range(len(TABLES)))
def test_malformed_tables(table: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_latex("$dx = dy$", "notes.tex", vocabulary("batch_norm"), table)
