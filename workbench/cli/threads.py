"""What a command that computes sets up in its process, as a background worker does."""

from __future__ import annotations


def one_thread() -> None:
    """Small networks on small slices are slower on several threads than on one."""
    import torch

    from workbench.runs.allocator import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(1)
