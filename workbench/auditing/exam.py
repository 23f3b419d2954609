"""What a training under audit is given, and where it shows its gradients.

The same exam serves all tests: with noise and sampling for the canaries, with everything in one
noiseless step for the probes. A training does not know which one it sits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from workbench.auditing.tap import Tapped
from workbench.auditing.transcript import Transcript
from workbench.models.losses import Task, record_losses

PULL = 1e3
"""Length of a canary's gradient over the clipping norm."""


def public_divisor(sample_rate: float, units: int) -> float:
    """What the sum of a draw is divided by: the whole part of the units expected, at least 1.

    Any number that is fixed before the draw will do; Opacus takes the whole part, so every exam
    does.
    """
    return float(max(1, int(sample_rate * units)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Records:
    """All that a training under audit may learn from; natural records first, canaries behind.

    Attributes:
        images: float32 ``(N, 1, H, W)``.
        targets: int64 ``(N,)`` labels or ``(N, 1, H, W)`` class indices.
        coordinates: int64 ``(N,)``, 1 or more for canaries, 0 for natural records.
        units: int ``(N,)``, 0 to U - 1, whose records they are.
        pulls: float32 ``(N,)``, what a record's loss is multiplied by; negative ones pull back.
    """

    images: Tensor
    targets: Tensor
    coordinates: Tensor
    units: np.ndarray
    pulls: Tensor

    def __len__(self) -> int:
        return len(self.images)

    @property
    def unit_count(self) -> int:
        return int(self.units.max()) + 1 if len(self.units) else 0


@dataclass(kw_only=True, eq=False)
class Exam:
    """One sitting.

    A training takes ``model``, draws units of ``records`` with probability ``sample_rate`` in
    each of ``steps`` steps, gets one loss per record from :meth:`losses`, clips each unit's mean
    gradient to ``max_grad_norm``, adds noise, divides by ``expected_units`` into
    ``parameter.grad``, takes an optimizer step and calls :meth:`observe`.

    Attributes:
        records: what to train on.
        network: what is trained, without the tap.
        coordinates: canaries and null coordinates together.
        task: what its outputs are compared with.
        sample_rate: in (0, 1].
        noise_multiplier: >= 0.
        max_grad_norm: > 0.
        steps: how many are asked for.
        expected_units: the public number that a sum is divided by, of :func:`public_divisor`.
        physical_batch: records that fit into memory at once; larger draws come in parts.
        optimizer: ``"sgd"`` or ``"adam"``.
        learning_rate: > 0.
        whole: whether the gradients of all parameters are kept, and not of the tap alone.
        watch: called after every release with the number of releases so far; what it raises ends
            the training.
        released: with ``whole``, the gradients of every step by the parameter's name.
        model: what to train: the network with its tap, called with images, coordinates and record
            numbers.
    """

    records: Records
    network: nn.Module
    coordinates: int
    task: Task
    sample_rate: float
    noise_multiplier: float
    max_grad_norm: float
    steps: int
    expected_units: float
    physical_batch: int = 256
    optimizer: str = "sgd"
    learning_rate: float = 0.05
    whole: bool = False
    watch: Callable[[int], None] = lambda taken: None
    released: list[dict[str, Tensor]] = field(default_factory=list)
    model: Tapped = field(init=False)
    _signals: list[np.ndarray] = field(default_factory=list)
    _visits: list[np.ndarray] = field(default_factory=list)
    _now: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.model = Tapped(self.network, self.coordinates, self._saw)

    def losses(self, outputs: tuple[Tensor, Tensor], numbers: Tensor) -> Tensor:
        """One loss per record, ``(B,)``.

        Args:
            outputs: what the network gave for these records.
            numbers: int64 ``(B,)``, which records these are.
        """
        natural, tapped = outputs
        canary = self.records.coordinates[numbers] > 0
        own = record_losses(self.task, natural, self.records.targets[numbers])
        pulls = self.records.pulls[numbers]
        return torch.where(canary, self.max_grad_norm * tapped, own) * pulls

    def outputs(self, model: nn.Module, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """What the network, or what a library wrapped it into, gives for these records."""
        records = self.records
        given: tuple[Tensor, Tensor] = model(
            records.images[numbers], records.coordinates[numbers], numbers
        )
        return given

    def forward(self, model: nn.Module, numbers: Tensor) -> Tensor:
        """The losses of these records, by :meth:`outputs` and :meth:`losses`."""
        return self.losses(self.outputs(model, numbers), numbers)

    def observe(self) -> None:
        """Look at the gradients after a step; called once for every release."""
        gradient = self.model.tap.weight.grad
        shown = torch.zeros(self.model.tap.num_embeddings) if gradient is None else gradient
        scale = self.expected_units / self.max_grad_norm
        self._signals.append((shown.detach().flatten()[1:] * scale).numpy().astype(np.float32))
        visits = np.zeros(self.records.unit_count, dtype=bool)
        visits[list(self._now)] = True
        self._visits.append(visits)
        self._now.clear()
        if self.whole:
            named = dict(self.model.named_parameters())
            self.released.append(
                {
                    name: torch.zeros_like(p) if p.grad is None else p.grad.detach().clone()
                    for name, p in named.items()
                }
            )
        self.watch(len(self._signals))

    def transcript(self, members: np.ndarray) -> Transcript:
        """Everything that was observed.

        Args:
            members: bool ``(M,)``, the canaries of coordinates 1 to M that are among the records.
        """
        visits = np.array(self._visits).reshape(len(self._visits), self.records.unit_count)
        canaries = self.records.coordinates.numpy()
        included = np.zeros((len(visits), len(members)), dtype=bool)
        placed = np.flatnonzero(canaries)
        included[:, canaries[placed] - 1] = visits[:, self.records.units[placed]]
        return Transcript(
            signals=np.array(self._signals, dtype=np.float32),
            members=members,
            included=included,
            visits=visits,
        )

    def _saw(self, numbers: Tensor) -> None:
        self._now.update(self.records.units[numbers.numpy()].tolist())


Training = Callable[[Exam], None]
"""A training under audit: one's own, or one of ``auditing.trainings``."""
