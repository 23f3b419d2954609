"""The taps of a network and the chunk that is being booked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from workbench.dpsgd.bookkeeping.chunk import Chunk
from workbench.dpsgd.bookkeeping.expanded import ExpandedTap
from workbench.dpsgd.bookkeeping.expected import Expectations
from workbench.dpsgd.bookkeeping.plan import planned
from workbench.dpsgd.bookkeeping.probe import Truth
from workbench.dpsgd.bookkeeping.tap import Tap
from workbench.dpsgd.gradients import LayerNote
from workbench.errors import BadInput

Strategy = Literal["auto", "instantiate", "ghost"]


class Recorder:
    """Taps a network's layers and collects, chunk by chunk, what they hand in.

    Args:
        model: the network; its layers are tapped until :meth:`remove`.
        strategy: ``"auto"`` takes each layer's cheaper way; the others force one, for tests.
        on_open: called before the first booked forward pass of a chunk; says whether the chunk
            is to be compared with plain autograd.

    Attributes:
        parameters: what is trained, in the order of the flat gradient.
        on: whether anything is booked.
        on_open: see above.
        anchor: a scalar that every booked call depends on.
        expected: copies of weights that were handed out.
        truth: collects one unit's gradient while plain autograd is asked for it; else ``None``.

    Raises:
        BadInput: a layer cannot be booked, or nothing is trained.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        strategy: Strategy = "auto",
        on_open: Callable[[], bool] = lambda: False,
    ) -> None:
        named = {name: p for name, p in model.named_parameters() if p.requires_grad}
        if not named:
            raise BadInput("The network has no parameter that is trained.", field="model")
        self.model, self.strategy = model, strategy
        self.names, self.parameters = list(named), list(named.values())
        self._frozen = {name: p for name, p in model.named_parameters() if name not in named}
        self.on = True
        self._booking = False
        self.anchor = torch.zeros((), requires_grad=True)
        self.truth: Truth | None = None
        self.on_open = on_open
        self._chunk: Chunk | None = None
        self._finished: list[Chunk] = []
        self.expected = Expectations()
        self._stray: list[str] = []
        self.taps = self._tapped()
        self._only_copies = all(isinstance(tap, ExpandedTap) for tap in self.taps)
        self._handles = [
            p.register_post_accumulate_grad_hook(self._watch(name)) for name, p in named.items()
        ]

    def open(self) -> Chunk:
        """The chunk of the forward pass that is running."""
        # Checkpointed layers run their forward pass again while the backward pass goes on.
        if (
            self._chunk is not None
            and self._chunk.is_touched
            and torch._C._current_graph_task_id() == -1
        ):
            self._finished += self._settled()
        if self._chunk is None:
            self._check_trained()
            lowered = torch.is_autocast_enabled(self.parameters[0].device.type)
            self._chunk = Chunk(probed=self.on_open(), lowered=lowered)
        return self._chunk

    def expect(self, tap: Tap, number: int, copies: Tensor, records: int) -> None:
        """Expect gradients of a parameter's copies, one per record, ``(B * P,)``."""
        self.expected.add(tap, number, copies, records)
        if self._only_copies:  # else some other layer tells that a backward pass is under way
            copies.register_post_accumulate_grad_hook(self._touch)

    def settle(self) -> None:
        """Book what came back, and check that nothing went around the taps.

        Raises:
            BadInput: a parameter's gradient cannot be clipped, or there is none at all.
        """
        self.expected.settle(self.chunk_of)
        self._check()

    def take(self) -> list[Chunk]:
        """All chunks that a backward pass went through, and start afresh.

        Raises:
            BadInput: see :meth:`settle`.
        """
        chunks = self._finished + self._settled()
        self.close()
        return chunks

    @contextmanager
    def booking(self) -> Iterator[None]:
        """During the backward pass of losses: gradients that bypass the taps are noticed."""
        self._booking = True
        try:
            yield
        finally:
            self._booking = False

    def close(self) -> None:
        """Forget what was booked and not taken."""
        self._chunk = None
        self._finished = []
        self._stray.clear()
        self.expected.settle(None)

    def chunk_of(self, tap: Tap, records: int) -> Chunk:
        """The chunk that a tap books in, if the tap saw as many records as there are losses.

        Raises:
            BadInput: it did not.
        """
        chunk = self.open() if self._chunk is None else self._chunk
        if chunk.layout is not None and chunk.layout.records != records:
            raise BadInput(
                f"Layer {tap.name or 'the network itself'} got {records} records where the "
                f"chunk has {chunk.layout.records} losses; "
                "every layer must see one record per loss along its first dimension.",
                field="model",
            )
        return chunk

    def _touch(self, copies: Tensor) -> None:
        self.open().touched = True

    def _settled(self) -> list[Chunk]:
        """The open chunk, if a backward pass went through it; it is closed then."""
        chunk = self._chunk
        if chunk is None or not (chunk.is_touched or self._stray or self.expected.arrived):
            return []
        self.settle()
        self._chunk = None
        return [chunk]

    def _check(self) -> None:
        if self._chunk is None or not self._chunk.parameters:
            raise BadInput(
                "These losses come from no forward pass of the network in training mode."
            )
        if self._stray:
            name = self._stray[0]
            asleep = [tap for tap in self.taps if not tap.layer.training]
            why = (
                "its layer is in evaluation mode; call train() on the network"
                if any(self.names.index(name) in tap.numbers.values() for tap in asleep)
                else "it is used outside of the layer that holds it; use it through its layer"
            )
            raise BadInput(
                f"The gradient of parameter {name} cannot be clipped: {why}, or freeze it.",
                field="model",
            )

    def describe(self) -> list[LayerNote]:
        """Which layer uses what, in the network's order."""
        sizes = [p.numel() for p in self.parameters]
        return [
            LayerNote(
                layer=tap.name,
                type=type(tap.layer).__name__,
                rule=tap.rule,
                parameters=sum(sizes[number] for number in tap.numbers.values()),
            )
            for tap in self.taps
        ]

    def remove(self) -> None:
        """Give the network back as it was."""
        for tap in self.taps:
            tap.remove()
        for handle in self._handles:
            handle.remove()
        self.taps, self._handles = [], []
        self.close()

    def _tapped(self) -> list[Tap]:
        numbers = {id(p): number for number, p in enumerate(self.parameters)}
        return [
            kind(
                module,
                name,
                {key: numbers[id(p)] for key, p in module.named_parameters() if p.requires_grad},
                self,
            )
            for name, module, kind in planned(self.model)
        ]

    def _check_trained(self) -> None:
        trained = zip(self.names, self.parameters, strict=True)
        changed = [(name, "frozen") for name, p in trained if not p.requires_grad]
        changed += [(name, "unfrozen") for name, p in self._frozen.items() if p.requires_grad]
        if changed:
            name, how = changed[0]
            raise BadInput(
                f"Parameter {name} was {how} after the engine was made; make a new engine.",
                field="model",
            )

    def _watch(self, name: str) -> Callable[[Tensor], None]:
        def stray(parameter: Tensor) -> None:
            unfinished = self._chunk is not None and self.model.training
            if self.on and (self._booking or unfinished):
                parameter.grad = None  # neither clipped nor noisy: it must not stay
                self._stray.append(name)

        return stray
