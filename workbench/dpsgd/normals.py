"""Standard normals from random bits, as fast as one core can in float64."""

from __future__ import annotations

import math

import numpy as np
import torch

# How many normals are made at once: one array operation is then long enough to hide Python's
# share of it, and the scratch space still stays in the processor's cache.
BLOCK = 1 << 14

# numpy vectorises these two for AVX-512 only; torch does for other processors too (28 against 17
# million sums a second with AVX2), but needs twice numpy's time with AVX-512.
_NUMPY_IS_FASTER = torch.backends.cpu.get_cpu_capability() == "AVX512"


def four_sums(words: np.ndarray, *, out: np.ndarray, spare: np.ndarray) -> None:
    """Standard normals from random bits: each the sum of four Box-Muller draws, over two.

    The sum of four hides the single draws from one who would compute them back from their
    rounding (Holohan & Braghin 2021), and reaches far: a draw reaches sqrt(2 log 2^32) = 6.66,
    the sum over two 13.3. All arithmetic is float64; angles come in steps of 2 pi / 2^32.

    Args:
        words: uint32 ``(2, 4, H)``, independent random bits; overwritten. ``words[0]`` gives the
            four radii, ``words[1]`` the four angles of a pair of results.
        out: float64 ``(2 H,)``, receives the cosine sums, then the sine sums.
        spare: float64 ``(3, 4, H)``, scratch space.
    """
    # Measured on one AVX-512 core, million sums a second: this 65, cosine and sine by torch 42,
    # torch.erfinv 34, torch.special.ndtri 21, scipy's ndtri 16. numpy's sine and cosine are slow,
    # its tangent is fast: with t = tan(angle / 2), cosine = 2 / (1 + t^2) - 1 and
    # sine = 2 t / (1 + t^2). The factors 2 are left to the sums, which are a quarter as long.
    radius, tangent, share = spare
    cosines, sines = out.reshape(2, -1)
    odd = np.bitwise_or(words[0], 1, out=words[0])  # never 0, in even steps
    np.copyto(radius, odd)
    np.divide(2.0**32, radius, out=radius)
    _log(radius)
    np.sqrt(radius, out=radius)
    np.copyto(tangent, words[1].view(np.int32))
    np.multiply(tangent, math.pi / 2**32, out=tangent)
    _tan(tangent)
    np.multiply(tangent, tangent, out=share)
    np.add(share, 1, out=share)
    np.divide(radius, share, out=share)
    np.add.reduce(np.multiply(tangent, share, out=tangent), axis=0, out=sines)
    np.multiply(sines, math.sqrt(2), out=sines)
    np.add.reduce(share, axis=0, out=cosines)
    np.multiply(cosines, 2, out=cosines)
    np.subtract(cosines, np.add.reduce(radius, axis=0, out=share[0]), out=cosines)
    np.multiply(cosines, math.sqrt(0.5), out=cosines)


def _log(values: np.ndarray) -> None:
    """The natural logarithm, in place."""
    np.log(values, out=values) if _NUMPY_IS_FASTER else torch.from_numpy(values).log_()


def _tan(values: np.ndarray) -> None:
    """The tangent, in place."""
    np.tan(values, out=values) if _NUMPY_IS_FASTER else torch.from_numpy(values).tan_()


class Scratch:
    """Room for one block, so that no memory is asked for while drawing."""

    def __init__(self) -> None:
        self._zeros = memoryview(bytes(16 * BLOCK))
        self._words = np.empty(4 * BLOCK, dtype=np.uint32)
        self._bits = self._words.view(np.uint8).data
        self._spare = np.empty(6 * BLOCK)

    def bits(self, count: int) -> tuple[memoryview, memoryview]:
        """Zeros, and the bytes behind ``words(count)``: what a cipher reads and writes."""
        return self._zeros[: 16 * count], self._bits[: 16 * count]

    def words(self, count: int) -> np.ndarray:
        """uint32 ``(2, 4, count / 2)``: the bits that ``count`` normals need."""
        return self._words[: 4 * count].reshape(2, 4, -1)

    def spare(self, count: int) -> np.ndarray:
        """float64 ``(3, 4, count / 2)``."""
        return self._spare[: 6 * count].reshape(3, 4, -1)
