"""The functions that a module on the array API standard brings along; as `runtime.py`, for any library's arrays."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from numbers import Real
from typing import Any

from derive.codegen.runtime import _check_shape

Array = Any


def _namespace(array: Array) -> Any:
    """Return the functions of the array API standard for the library that an array is from."""
    if hasattr(array, "__array_namespace__"):
        return array.__array_namespace__()
    try:
        compat = importlib.import_module("array_api_compat")
    except ModuleNotFoundError:
        kind = f"{type(array).__module__}.{type(array).__name__}"
        raise TypeError(f"{kind} has no __array_namespace__: install array-api-compat, which may know it") from None
    return compat.array_namespace(array)


def _device(array: Array) -> Any:
    """Return where to make an array that goes with another; None, the default, for JAX, which moves it as needed."""
    return None if hasattr(array, "sharding") else getattr(array, "device", None)


def _array(name: str, value: Array, axes: str, shape: tuple[int | str, ...], like: Array = None) -> Array:
    """Return an argument; raise TypeError or ValueError where it does not fit.

    An axis of any length stands in `shape` as a letter, the same letter for the same length. `like` is an argument
    whose library and dtype it has to share.
    """
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        raise TypeError(f"{name}: expected an array {axes}, got {type(value).__name__}")
    xp = _namespace(value)
    if value.dtype not in (xp.float32, xp.float64):
        raise TypeError(f"{name}: expected float32 or float64, got {value.dtype}")
    if like is not None and xp is not _namespace(like):
        raise TypeError(f"{name}: expected an array of {_namespace(like).__name__}, as the others, got {xp.__name__}")
    if like is not None and value.dtype != like.dtype:
        raise TypeError(f"{name}: expected {like.dtype}, as the other arrays, got {value.dtype}")
    _check_shape(name, tuple(value.shape), axes, shape)
    return value


def _scalar(name: str, value: Array, like: Array) -> Array:
    """Return a real number (a Python number or a 0-d array) as a 0-d array that goes with another array."""
    if isinstance(value, Real) and not isinstance(value, bool):
        return _constant(float(value), like)
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        raise TypeError(f"{name}: expected a real number, got {type(value).__name__}")
    if tuple(value.shape) != ():
        raise ValueError(f"{name}: expected a number, got an array of shape {tuple(value.shape)}")
    xp = _namespace(value)
    if xp is not _namespace(like):
        raise TypeError(f"{name}: expected an array of {_namespace(like).__name__}, as the others, got {xp.__name__}")
    if not xp.isdtype(value.dtype, ("real floating", "integral")):
        raise TypeError(f"{name}: expected a real number, got {value.dtype}")
    return xp.astype(value, like.dtype)


def _constant(number: float, like: Array) -> Array:
    """Return a Python number as a 0-d array that goes with another array."""
    return _namespace(like).asarray(number, dtype=like.dtype, device=_device(like))


def _close(left: Array, right: Array, like: Array) -> bool:
    """Return whether two arrays are equal to half of the digits of the dtype, which rounding may take."""
    xp = _namespace(like)
    tolerance = float(xp.finfo(like.dtype).eps) ** 0.5
    return bool(xp.all(abs(left - right) <= tolerance * (1 + abs(right))))


def _relu(x: Array) -> Array:
    """Return x where it is not negative, else 0; a NaN stays one."""
    xp = _namespace(x)
    return xp.where(x < 0, xp.zeros_like(x), x)


def _softplus(x: Array) -> Array:
    """Return log(1 + exp(x))."""
    xp = _namespace(x)
    return xp.logaddexp(x, xp.zeros_like(x))


def _sigmoid(x: Array) -> Array:
    """Return 1/(1 + exp(-x)) to a few units in the last place; exp is taken of -|x| only, which cannot overflow."""
    xp = _namespace(x)
    decay = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, xp.ones_like(x), decay) / (1 + decay)


def _erf(x: Array) -> Array:
    """Return the error function: the library's where its namespace has one, which the standard does not ask for.

    Else it is a series below 2, erf(x) = 2/sqrt(pi)*exp(-x**2)*(x + 2*x**3/3 + 4*x**5/15 + ...), whose terms are
    positive, and a continued fraction for 1 - erf(x) from there. Measured against 36 digits, the error is below 5 units
    in the last place for float64, and below 7 for float32.
    """
    xp = _namespace(x)
    if hasattr(xp, "erf"):
        return xp.erf(x)
    near = xp.where(xp.abs(x) < 2, x, xp.zeros_like(x))
    series = xp.ones_like(x)
    for n in range(40, 0, -1):
        series = 1 + near * near / (n + 0.5) * series
    # Beyond 6 it is 1 in every digit.
    far = xp.where(xp.abs(x) < 2, 2 * xp.ones_like(x), xp.where(xp.abs(x) > 6, 6 * xp.ones_like(x), xp.abs(x)))
    fraction = far
    for n in range(50, 0, -1):
        fraction = far + n / 2 / fraction
    tail = xp.exp(-far * far) / (math.pi**0.5 * fraction)
    small = 2 / math.pi**0.5 * near * xp.exp(-near * near) * series
    result = xp.where(xp.abs(x) < 2, small, xp.sign(x) * (1 - tail))
    return xp.where(x == x, result, x)  # a NaN stays one


def _einsum(subscripts: str, *operands: Array) -> Array:
    """Return the sum of products that subscripts as those of NumPy's einsum ask for: two by two, as matrix products."""
    inputs, output = subscripts.split("->")
    terms = [_take_diagonals(letters, array) for letters, array in zip(inputs.split(","), operands, strict=True)]
    while len(terms) > 1:
        (one, a), (other, b) = terms.pop(0), terms.pop(0)
        needed = set(output).union(*(letters for letters, _ in terms))
        (one, a), (other, b) = _sum_away(one, a, needed | set(other)), _sum_away(other, b, needed | set(one))
        terms.append(_multiply_matrices(one, a, other, b, needed))
    letters, array = _sum_away(*terms[0], set(output))
    return _namespace(array).permute_dims(array, tuple(letters.index(letter) for letter in output))


def _take_diagonals(letters: str, array: Array) -> tuple[str, Array]:
    """Return an array without the repetition of any of its letters: of equal axes the diagonal remains."""
    xp = _namespace(array)
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            first, last = letters.index(letter), letters.rindex(letter)
            size = array.shape[last]
            shape = [size if place in (first, last) else 1 for place in range(len(letters))]
            on = xp.reshape(xp.eye(size, dtype=xp.bool, device=_device(array)), tuple(shape))
            array = xp.sum(xp.where(on, array, xp.zeros_like(array)), axis=last)
            letters = letters[:last] + letters[last + 1 :]
    return letters, array


def _sum_away(letters: str, array: Array, needed: set[str]) -> tuple[str, Array]:
    """Return the sum over the axes whose letters are not needed."""
    places = tuple(place for place, letter in enumerate(letters) if letter not in needed)
    kept = "".join(letter for letter in letters if letter in needed)
    return kept, (_namespace(array).sum(array, axis=places) if places else array)


def _multiply_matrices(one: str, a: Array, other: str, b: Array, needed: set[str]) -> tuple[str, Array]:
    """Return the product of two arrays, summed over the letters that both have and that are not needed."""
    xp = _namespace(a)
    length = dict(zip(one + other, (*a.shape, *b.shape), strict=True))
    batch = [letter for letter in one if letter in other and letter in needed]
    bound = [letter for letter in one if letter in other and letter not in needed]
    left = [letter for letter in one if letter not in other]
    right = [letter for letter in other if letter not in one]
    outer = tuple(length[letter] for letter in batch)
    rows, inner, columns = (math.prod(length[letter] for letter in group) for group in (left, bound, right))
    a = xp.permute_dims(a, tuple(one.index(letter) for letter in (*batch, *left, *bound)))
    b = xp.permute_dims(b, tuple(other.index(letter) for letter in (*batch, *bound, *right)))
    product = xp.reshape(a, (*outer, rows, inner)) @ xp.reshape(b, (*outer, inner, columns))
    letters = [*batch, *left, *right]
    return "".join(letters), xp.reshape(product, tuple(length[letter] for letter in letters))


RUNTIME: tuple[Callable[..., Any], ...] = (
    _namespace,
    _device,
    _array,
    _check_shape,
    _scalar,
    _constant,
    _close,
    _relu,
    _softplus,
    _sigmoid,
    _erf,
    _einsum,
    _take_diagonals,
    _sum_away,
    _multiply_matrices,
)
