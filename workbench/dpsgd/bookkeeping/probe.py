"""Now and then the books are compared with plain autograd: wrong norms void every guarantee."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.chunk import Chunk
from workbench.dpsgd.bookkeeping.layout import Layout
from workbench.dpsgd.bookkeeping.strides import standard
from workbench.errors import BadInput, WorkbenchError

if TYPE_CHECKING:
    from workbench.dpsgd.bookkeeping.recorder import Recorder
    from workbench.dpsgd.bookkeeping.tap import Tap

# Relative; half-precision types carry three digits at most.
TOLERANCE, TOLERANCE_LOWERED = 1e-3, 3e-2


class ProbeFailed(WorkbenchError):
    """Plain autograd found another gradient than the books: no step may be taken with it."""


class Truth:
    """One unit's gradient by plain autograd, collected layer by layer.

    Args:
        parameters: of the network.
        unit: its number in the chunk.
        records: the unit's records in the chunk, int64 ``(k,)``.

    Attributes:
        gradients: one ``(P,)`` per parameter.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], unit: int, records: Tensor) -> None:
        self.unit, self.records = unit, records
        self.gradients = [torch.zeros_like(p).flatten() for p in parameters]
        self._parameters = parameters

    def own(self, tap: Tap, grad: Tensor) -> Tensor:
        """The unit's part of an output's gradient; all the rest must be 0.

        Raises:
            ProbeFailed: the loss of this unit reaches other units' records.
        """
        own = grad[self.records]
        # Records that are no numbers have gradients that are none; they reach nobody else.
        if _nonzero(grad) > _nonzero(own):
            raise ProbeFailed(
                f"The loss of one unit depends on other units' records behind layer "
                f"{tap.name or 'the network itself'}: "
                "some layer mixes records, so no clipping can protect a single unit."
            )
        return standard(own)

    def through(
        self,
        tap: Tap,
        operation: Callable[[Tensor], Tensor],
        x: Tensor,
        grad: Tensor,
        *,
        wanted: bool,
    ) -> Tensor | None:
        """Add a layer's gradients by plain autograd through an operation on the unit's records.

        Args:
            tap: of the layer.
            operation: what the layer computes; differentiable.
            x: its input, ``(B, ...)``.
            grad: of its output, ``(B, ...)``.
            wanted: whether the gradient of the input is.

        Returns:
            The gradient of the input, 0 for other units' records, where it is wanted.
        """
        own = self.own(tap, grad)
        with torch.enable_grad():
            records = standard(x[self.records]).detach().requires_grad_(wanted)
            output = operation(records)
        gradients = self.collect(tap, [output], [own.to(output.dtype)], [records] if wanted else [])
        if not wanted:
            return None
        whole = x.new_zeros(x.shape)
        whole[self.records] = gradients[0]
        return whole

    def collect(
        self, tap: Tap, outputs: list[Tensor], grads: list[Tensor], inputs: list[Tensor]
    ) -> list[Tensor]:
        """Add a module's ordinary gradients; return those of its inputs."""
        numbers = list(tap.numbers.values())
        variables = [*inputs, *(self._parameters[number] for number in numbers)]
        found = torch.autograd.grad(outputs, variables, grads, allow_unused=True)
        for number, gradient in zip(numbers, found[len(inputs) :], strict=True):
            if gradient is not None:
                self.gradients[number] += gradient.flatten()
        return list(found[: len(inputs)])


def true_gradient(recorder: Recorder, losses: Tensor, layout: Layout, unit: int) -> Truth | None:
    """The gradient of a unit's mean loss through the layers' own operations.

    The graph of the losses stays usable. Layers are computed again for this unit's records only.
    The forward pass must have known that its chunk would be probed.

    Args:
        recorder: of the network.
        losses: ``(B,)``.
        layout: of their records.
        unit: 0 to U - 1.

    Returns:
        ``None`` where the forward pass ran too early to know: only its rules could be asked.

    Raises:
        ProbeFailed: some layer mixes records.
        BadInput: the old way of checkpointing layers stands in the way.
    """
    records = layout.rows_of(unit).to(losses.device)
    truth = recorder.truth = Truth(recorder.parameters, unit, records)
    try:
        _, *found = torch.autograd.grad(
            losses[records].mean(),
            [recorder.anchor, *(copies for _, copies in recorder.expected.all)],
            retain_graph=True,
            allow_unused=True,
        )
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        raise BadInput(
            "Layers that are checkpointed with use_reentrant=True cannot be probed; "
            "set use_reentrant=False.",
            field="model",
        ) from None
    finally:
        recorder.truth = None
    # Copies of layers that are asked themselves get nothing while the truth is told.
    return truth if all(gradient is None for gradient in found) else None


def compare(
    chunk: Chunk,
    truth: Truth,
    *,
    norms: Tensor,
    weights: Tensor,
    max_grad_norm: float,
    names: Sequence[str],
) -> None:
    """Check the booked norm of a unit and its clipped gradient.

    Args:
        chunk: after its backward pass.
        truth: by plain autograd.
        norms: float64 ``(U,)``, by the books.
        weights: ``(U,)``, the clip factors.
        max_grad_norm: C; gradients far below it are compared to a millionth of it.
        names: of the parameters.

    Raises:
        ProbeFailed: norm or gradient differ by more than a thousandth (3 % where autocast lowers
            the precision).
    """
    booked, weight = float(norms[truth.unit]), weights[truth.unit]
    if not torch.isfinite(norms[truth.unit]):
        return  # counts as nothing
    true = math.hypot(
        *(float(torch.linalg.vector_norm(g, dtype=torch.float64)) for g in truth.gradients)
    )
    vectors, lengths = _differences(chunk, truth, weight)
    scale = 1e-6 * max_grad_norm
    off = math.hypot(*vectors) / max(float(weight) * true, scale)
    norm_off = abs(booked - true) / max(true, scale)
    if max(off, norm_off) <= (TOLERANCE_LOWERED if chunk.lowered else TOLERANCE):
        return
    differences = vectors if off > norm_off else lengths
    name = names[max(range(len(differences)), key=lambda number: differences[number])]
    layer = name.rpartition(".")[0] or "the network itself"
    raise ProbeFailed(
        f"The gradient of a unit has norm {booked:.6g} by the books and {true:.6g} by plain "
        f"autograd; they differ most in layer {layer}, so no step is taken with it."
    )


def _differences(chunk: Chunk, truth: Truth, weight: Tensor) -> tuple[list[float], list[float]]:
    """By parameter: how far clipped gradients, and norms before clipping, are from the true.

    The true gradients are used up.
    """
    assert chunk.layout is not None
    squares = chunk.squares_by_parameter()
    booked = [
        float(squares[number][truth.unit]) ** 0.5 if number in squares else 0.0
        for number in range(len(truth.gradients))
    ]
    lengths = [
        abs(norm - float(torch.linalg.vector_norm(gradient, dtype=torch.float64)))
        for norm, gradient in zip(booked, truth.gradients, strict=True)
    ]
    rest = [gradient.to(weight.dtype).mul_(-weight) for gradient in truth.gradients]
    only = weight.new_zeros(chunk.layout.units)
    only[truth.unit] = weight
    chunk.add(only, rest)
    return [float(torch.linalg.vector_norm(part, dtype=torch.float64)) for part in rest], lengths


def _nonzero(grad: Tensor) -> int:
    return int(torch.count_nonzero(grad.nan_to_num(0.0, 0.0, 0.0)))
