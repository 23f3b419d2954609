"""Gaussian noise on a public grid, drawn in the background while the network computes."""

from __future__ import annotations

import math
import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.dpsgd.normals import BLOCK
from workbench.dpsgd.randomness import RandomStream
from workbench.errors import BadInput

# The smallest and largest noise whose grid and tails a float32 can hold without underflow.
_SMALLEST, _LARGEST = 1e-30, 1e30
# How many values are rounded at once: three passes over 256 KB of float32 stay in the cache.
_PIECE = 1 << 16


def grid_of(std: float) -> float:
    """The public grid of noise of this size: 2^(floor(log2 std) - 20), about a millionth of it.

    A float32 holds every multiple of this grid up to 2^24 steps, which is 8 to 16 standard
    deviations; beyond, it holds every second, fourth, ... multiple: always points of the grid.

    Args:
        std: standard deviation of the noise, 1e-30 to 1e30.

    Returns:
        The distance of neighbouring grid points, a power of two.

    Raises:
        BadInput: ``std`` is outside of that range.
    """
    _check(std)
    return math.ldexp(1.0, math.frexp(std)[1] - 21)


class NoiseSource:
    """Fills buffers with noise on a grid, and puts noisy sums back onto the same grid.

    The low bits of a floating-point sum depend on the size of what was summed and can give it
    away (Mironov 2012). Here the noise lies on a grid that follows from its standard deviation
    alone; ``snap`` after the un-noised values were added gives the noise plus the rounded
    un-noised values (in float64; in float32 to one grid step). So what can be released are the
    grid points that the buffer's type holds, the same for all data.

    Args:
        stream: where the noise comes from; nobody else may draw from it between ``begin`` and
            ``wait``.
        std: standard deviation, 0 or 1e-30 to 1e30; at 0 the noise is 0 and nothing is rounded.

    Raises:
        BadInput: ``std`` is outside of that range.
    """

    def __init__(self, stream: RandomStream, std: float) -> None:
        self._grid = grid_of(std) if std else 0.0
        self._stream = stream
        self._std = std
        self._pending: _Pending | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._process = os.getpid()
        self._staging = _Staging()

    def begin(self, flat: Tensor) -> None:
        """Start to overwrite this buffer with noise; leave it alone until ``wait`` returns.

        Args:
            flat: float32 or float64 ``(P,)``, contiguous, on any device.

        Raises:
            RuntimeError: the last ``begin`` has not been waited for.
            TypeError: the buffer is of another type or shape.
        """
        if self._pending is not None:
            raise RuntimeError("Noise is already being drawn; wait for it before beginning again.")
        if flat.dtype not in (torch.float32, torch.float64):
            raise TypeError(f"Noise needs a float32 or float64 buffer, not {flat.dtype}.")
        if flat.ndim != 1 or not flat.is_contiguous():
            raise TypeError("Noise needs a contiguous one-dimensional buffer.")
        flat = flat.detach()
        before = self._stream.state()
        if self._std == 0:
            flat.zero_()
            self._pending = _Pending(flat, None, before)
            return
        target = flat if flat.device.type == "cpu" else self._staging.like(flat)
        job = self._thread().submit(self._fill, target)
        self._pending = _Pending(flat, job, before)

    def wait(self) -> None:
        """Return when the buffer is filled.

        Raises:
            RuntimeError: nothing was begun, or it was begun before this process was forked.
            Exception: whatever went wrong while drawing.
        """
        pending, self._pending = self._pending, None
        if pending is None:
            raise RuntimeError("No noise was begun; there is nothing to wait for.")
        if pending.job is None:
            return
        if self._process != os.getpid():
            raise RuntimeError("The noise was begun in another process; begin it again here.")
        pending.job.result()
        if pending.flat.device.type != "cpu":
            self._staging.copy_to(pending.flat)

    def snap(self, flat: Tensor) -> None:
        """Round a noisy sum to the grid, in place: post-processing.

        Scaling by a power of two and rounding are exact, so the result is the same for float32
        and for float64 wherever a float32 holds the sum.

        Args:
            flat: float32 or float64 ``(P,)``, on any device.
        """
        if self._std == 0:
            return
        flat = flat.detach()
        pieces = flat.split(_PIECE) if flat.device.type == "cpu" else (flat,)
        for piece in pieces:
            piece.mul_(1 / self._grid).round_().mul_(self._grid)

    def state(self) -> dict[str, Any] | None:
        """State of the stream to resume from: noise that was begun but not used is drawn again."""
        return self._stream.state() if self._pending is None else self._pending.before

    def _thread(self) -> ThreadPoolExecutor:
        # A pool of one ends its thread with this object, and waits for it when the program ends.
        # A forked child inherits the pool, but not the thread.
        if self._executor is None or self._process != os.getpid():
            self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="noise")
            self._process = os.getpid()
        return self._executor

    def _fill(self, target: Tensor) -> None:
        self._staging.wait_until_free()
        values = target.numpy()
        for begin in range(0, len(values), BLOCK):
            piece = values[begin : begin + BLOCK]
            noise = self._stream.normal(len(piece))
            noise *= self._std / self._grid
            np.rint(noise, out=noise)
            np.multiply(noise, self._grid, out=piece, casting="same_kind")


class _Pending:
    """What was begun: the buffer, who fills it, and the stream's state before."""

    def __init__(
        self, flat: Tensor, job: Future[None] | None, before: dict[str, Any] | None
    ) -> None:
        self.flat = flat
        self.job = job
        self.before = before


class _Staging:
    """Page-locked memory from which a GPU fetches the noise while it goes on computing."""

    def __init__(self) -> None:
        self._memory: Tensor | None = None
        self._fetched: torch.cuda.Event | None = None

    def like(self, flat: Tensor) -> Tensor:
        known = self._memory
        if known is None or known.shape != flat.shape or known.dtype != flat.dtype:
            self._memory = torch.empty(flat.shape, dtype=flat.dtype, pin_memory=True)
        assert self._memory is not None
        return self._memory

    def copy_to(self, flat: Tensor) -> None:
        # On the caller's own CUDA stream: what it queues next sees the noise.
        assert self._memory is not None
        with torch.cuda.device(flat.device):
            flat.copy_(self._memory, non_blocking=True)
            self._fetched = torch.cuda.Event()
            self._fetched.record()

    def wait_until_free(self) -> None:
        if self._fetched is not None:
            self._fetched.synchronize()


def _check(std: float) -> None:
    if not _SMALLEST <= std <= _LARGEST:
        raise BadInput(
            f"The noise's standard deviation must be 0 or between {_SMALLEST:g} and "
            f"{_LARGEST:g}, not {std:g}.",
            field="noise_multiplier",
        )
