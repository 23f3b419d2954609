"""Where the mechanism's randomness comes from: one stream for sampling and one for noise.

A secure stream is a stream cipher keyed once from the operating system's entropy; its key is
written nowhere, so nobody can draw the same noise again. A seeded stream can be repeated by
anyone who knows the seed: good for lessons and tests, worthless as protection.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any, NoReturn, Protocol

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from workbench.dpsgd.normals import BLOCK, Scratch, four_sums


class RandomStream(Protocol):
    """What the sampler and the noise need of a source of randomness."""

    def uniform(self, count: int) -> np.ndarray:
        """float64 ``(count,)``, independent, uniform on the open interval (0, 1)."""

    def normal(self, count: int) -> np.ndarray:
        """float64 ``(count,)``, independent standard normal."""

    def state(self) -> dict[str, Any] | None:
        """JSON state to go on from, or ``None`` where the state must never be written down."""


class SecureStream:
    """AES-256 in counter mode, keyed from the operating system's entropy.

    Key, position and bits exist in this process's memory only: the stream cannot be pickled,
    copied or printed. A forked child draws under a key of its own. Several threads may draw.
    """

    _scratch: Scratch | None

    def __init__(self) -> None:
        self._new_key()
        _LIVING.add(self)

    def uniform(self, count: int) -> np.ndarray:
        with self._lock:
            raw = np.frombuffer(self._cipher.update(bytes(8 * count)), dtype="<u8")
        # 53 random bits, shifted by half a step: neither 0 nor 1 can occur.
        return ((raw >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, count: int) -> np.ndarray:
        """Sums of four draws, over two (:func:`four_sums`): they reach to 13.3.

        A float32 ``torch.normal`` never exceeds 5.77 standard deviations, which would give away
        a record that moves one coordinate by more.
        """
        values = np.empty(count + count % 2)
        for begin in range(0, len(values), BLOCK):
            with self._lock:
                self._fill(values[begin : begin + BLOCK])
        return values[:count]

    def state(self) -> None:
        return None

    def _fill(self, out: np.ndarray) -> None:
        if self._scratch is None:
            self._scratch = Scratch()
        zeros, bits = self._scratch.bits(len(out))
        self._cipher.update_into(zeros, bits)
        four_sums(self._scratch.words(len(out)), out=out, spare=self._scratch.spare(len(out)))

    def _new_key(self) -> None:
        self._lock = threading.Lock()
        self._cipher = Cipher(algorithms.AES256(os.urandom(32)), modes.CTR(bytes(16))).encryptor()
        self._scratch = None

    def __repr__(self) -> str:
        return "SecureStream()"

    def __getstate__(self) -> NoReturn:
        raise TypeError("A secure stream cannot be pickled or copied: its key must stay unknown.")

    def __reduce__(self) -> NoReturn:
        self.__getstate__()


class SeededStream:
    """numpy's PCG64 from a seed; ``state`` and ``resume`` make a run repeatable bit for bit.

    Drawing n and then m values gives the same as drawing n + m at once.
    """

    def __init__(self, *seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    @classmethod
    def resume(cls, state: dict[str, Any]) -> SeededStream:
        stream = cls(0)
        numbers = {name: int(text, 16) for name, text in state["state"].items()}
        stream._generator.bit_generator.state = {**state, "state": numbers}
        return stream

    def uniform(self, count: int) -> np.ndarray:
        return np.maximum(self._generator.random(count), 2.0**-54)

    def normal(self, count: int) -> np.ndarray:
        return self._generator.standard_normal(count)

    def state(self) -> dict[str, Any]:
        state = dict(self._generator.bit_generator.state)
        # 128-bit numbers as text: not every format that a checkpoint passes through takes them.
        state["state"] = {name: hex(number) for name, number in state["state"].items()}
        return state


_LIVING: weakref.WeakSet[SecureStream] = weakref.WeakSet()


def _part_from_parent() -> None:
    """Without a new key, a forked child would draw the same noise as its parent."""
    for stream in list(_LIVING):
        stream._new_key()


os.register_at_fork(after_in_child=_part_from_parent)
