"""What quantities, extents and indices are called in C: as in the layer, where C has no other use for the name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from derive.codegen.runtime_c import definitions

_KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
alignas alignof asm bool constexpr false fortran nullptr static_assert thread_local true typeof typeof_unqual
"""
# Macros and types of the headers, what GNU C defines by itself, and functions that are called.
_TAKEN = """
I NULL NAN INFINITY HUGE_VAL EOF RAND_MAX EXIT_FAILURE EXIT_SUCCESS MB_CUR_MAX DOMAIN SING OVERFLOW UNDERFLOW PLOSS
TLOSS complex imaginary errno linux unix i386 signgam math_errhandling SIZE_MAX UINT64_MAX INT64_MAX
real size_t ptrdiff_t wchar_t div_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t uintptr_t
intmax_t uintmax_t float_t double_t max_align_t
exp log log1p tanh sin cos erf sqrt pow fabs rint memcpy malloc free main
"""
# More macros, and the functions of stages.
_PATTERN = re.compile(
    r"(M|FP|MATH)_[A-Z0-9]+(_[A-Z0-9]+)*|U?INT\w*_(MAX|MIN|C)|(PTRDIFF|SIG_ATOMIC|WCHAR|WINT)_(MAX|MIN)"
    r"|(forward|backward)_\d+"
)


def reserved_names() -> frozenset[str]:
    """What no quantity may be called."""
    return frozenset({*_KEYWORDS.split(), *_TAKEN.split(), *definitions()})


def c_names(taken: Iterable[str]) -> Callable[[str], str]:
    """A function from a name to the name in C. `taken` are all names that there are."""
    reserved, others = reserved_names(), set(taken)

    def is_free(found: str) -> bool:
        return found not in reserved and _PATTERN.fullmatch(found) is None

    def name(own: str) -> str:
        found = f"own{own}" if own.startswith("_") else own  # _Bool, __x: those are all reserved
        while not is_free(found) or (found != own and found in others):
            found = f"{found}_"
        return found

    return name
