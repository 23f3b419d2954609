"""Norms that do not come out too small, and the clip factors that follow from them.

Guarantees rest on the clipped norm, so rounding must not make a norm look smaller than it is.
Three measures, each in units of the number format's own epsilon (1.2e-7 for float32):

* squares are added in short pieces, the pieces in float64, so that a norm is right to about one
  epsilon however long the gradient is;
* a ghost norm is the sum of products that may cancel; 16 epsilon times a bound on the sum of their
  sizes (Cauchy-Schwarz) is added to its square;
* clip factors aim at max_grad_norm / (1 + 4 epsilon).

Together a clipped gradient exceeds max_grad_norm by less than one part in a million.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

_PIECE = 4096
_GHOST_SLACK = 16.0
_FACTOR_SLACK = 4.0


def in_full(values: Tensor) -> Tensor:
    """float32 instead of the half-precision types, in which nothing is added up."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def squared_norms(rows: Tensor) -> Tensor:
    """Squared L2 norm of every row: ``(U, P)`` to float64 ``(U,)``.

    Squares within a piece are added in the rows' own type: beyond 1e19 a float32 row counts as
    infinite.
    """
    units, length = rows.shape
    if length <= _PIECE:
        return (rows * rows).sum(1).double()
    piece = _piece(length)
    whole = length - length % piece
    pieces = rows[:, :whole] if whole < length else rows
    norms = torch.linalg.vector_norm(pieces.reshape(units, -1, piece), dim=2).double()
    squares = norms.square_().sum(1)
    if whole < length:
        rest = rows[:, whole:]
        squares += (rest * rest).sum(1)
    return squares


@cache
def _piece(length: int) -> int:
    """A piece that the length is a multiple of, if there is one of a good size."""
    sizes = range(_PIECE, _PIECE // 4, -1)
    return next((size for size in sizes if length % size == 0), _PIECE)


def ghost_squares(one: Tensor, other: Tensor) -> Tensor:
    """Squared norms from two Gram matrices of the same positions (Li et al. 2022, equation 2).

    Args:
        one: ``(U, ...)``, products of a unit's inputs at every pair of positions.
        other: the same shape, products of its output gradients.

    Returns:
        float64 ``(U,)``, the sums of their products, rounded up.
    """
    one, other = one.flatten(1), other.flatten(1)
    squares = (one * other).sum(1).clamp_(min=0)
    bound = torch.linalg.vector_norm(one, dim=1) * torch.linalg.vector_norm(other, dim=1)
    return squares.add_(bound, alpha=_GHOST_SLACK * torch.finfo(one.dtype).eps).double()


def clip_weights(norms: Tensor, max_grad_norm: float, dtype: torch.dtype) -> Tensor:
    """By what each unit's gradient is multiplied: min(1, C / norm), 0 where there is no norm.

    Args:
        norms: float64 ``(U,)``.
        max_grad_norm: C.
        dtype: of the gradients.

    Returns:
        ``(U,)`` of that type.
    """
    limit = max_grad_norm / (1 + _FACTOR_SLACK * torch.finfo(dtype).eps)
    return (limit / norms).clamp_(max=1.0).nan_to_num_(0.0).to(dtype)
