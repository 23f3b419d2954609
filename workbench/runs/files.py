"""Arrays and weights on disk: complete or not there, whatever happens while they are written."""

from __future__ import annotations

import errno
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from workbench.errors import BadInput
from workbench.runs.events import Checkpointed, from_json, to_json


class DiskFull(BadInput):
    """There is no room left; what was recorded before is complete."""

    @classmethod
    def at(cls, folder: Path) -> DiskFull:
        """The sentence for this folder."""
        return cls(f"The disk that holds {folder} is full; free some space. Nothing is lost.")


@contextmanager
def room_on(folder: Path) -> Iterator[None]:
    """Turn the system's "no space left" into one sentence.

    Raises:
        DiskFull: the disk, or the user's share of it, is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull.at(folder) from error
        raise


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write under a temporary name, bring it to the disk, then give it its name.

    Readers see the old file or the new one, never a part; so does a machine after a power cut.

    Raises:
        DiskFull: there is no room; the old file is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name is this process' and this file's own: two writers never share a temporary file.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with room_on(path.parent):
        try:
            with open(temporary, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Save named arrays as an npz file; names may hold slashes."""

    # Arrays go in as a plain mapping: a name such as "file" must not meet savez's own argument.
    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)

    write_whole(path, write)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Load what :func:`write_arrays` saved.

    Raises:
        BadInput: the file is damaged.
    """
    try:
        # Opened here: numpy leaves a file that it cannot read open.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise BadInput(f"{path} is damaged and cannot be read ({error}).") from None


def write_checkpoint(path: Path, event: Checkpointed) -> None:
    """Save tensors as safetensors with step and state as JSON in the header."""
    tensors = {name: np.array(tensor, order="C") for name, tensor in event.tensors.items()}
    state = json.dumps({"step": event.step, "state": to_json(event.state)})
    content = save(tensors, metadata={"workbench": state})
    write_whole(path, lambda file: file.write(content))


def read_checkpoint(path: Path) -> Checkpointed:
    """Load what :func:`write_checkpoint` saved; arrays are writable.

    Raises:
        BadInput: the file was cut short, damaged, or is no checkpoint of ours.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {})["workbench"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError):
        raise BadInput(
            f"The checkpoint {path} was cut short or is damaged; start the run anew."
        ) from None
    return Checkpointed(step=about["step"], tensors=tensors, state=from_json(about["state"]))


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
