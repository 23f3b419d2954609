"""Several processes that take one step together, started by ``torchrun``.

Each process draws from its own share of the units; their clipped sums are added up before the
step. Exactly one process draws the noise, so the result has the law, and the price, of one process.
The processes trust each other: a sum travels between them before it has met the noise of the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, distributed

from workbench.dpsgd.randomness import RandomStream


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this one is.

    Attributes:
        rank: 0 to ``world`` - 1. The first one draws the noise, writes the record and the ledger.
        world: how many there are.
    """

    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls) -> Processes:
        """As the running process group says; one process alone where there is none."""
        if not distributed.is_initialized():
            return cls()
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def first(self) -> bool:
        return self.rank == 0

    def add(self, tensor: Tensor) -> None:
        """Replace the tensor by its sum over all processes, in place."""
        if self.world > 1:
            distributed.all_reduce(tensor)

    def agree(self, number: int) -> int:
        """What the first process says, in all of them."""
        if self.world == 1:
            return number
        said = torch.tensor([number])
        distributed.broadcast(said, src=0)
        return int(said)

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self.world > 1:
            distributed.barrier()

    def noise_of(self, stream: RandomStream) -> RandomStream:
        """The stream in the first process, silence in the others."""
        return stream if self.first else _Silence()


class _Silence:
    """A stream of zeros: the other processes' share of the one draw of noise."""

    def uniform(self, count: int) -> np.ndarray:
        raise NotImplementedError("silence is not for sampling")

    def normal(self, count: int) -> np.ndarray:
        return np.zeros(count)

    def state(self) -> None:
        return None


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started; alone where it did not start this one.

    Args:
        device: ``"cuda"`` talks through NCCL and takes one GPU a process, ``"cpu"`` through Gloo.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo")
    try:
        yield Processes.here()
    finally:
        distributed.destroy_process_group()
