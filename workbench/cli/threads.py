"""One computing thread for a command, as a background worker has."""

from __future__ import annotations


def one_thread() -> None:
    """Small networks on small slices are slower on several threads than on one."""
    import torch

    torch.set_num_threads(1)
