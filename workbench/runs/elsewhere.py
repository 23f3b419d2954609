"""Workers that other people started: whether they answer, and compute what we would."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from workbench.errors import BadInput
from workbench.runs import worker
from workbench.runs.record import versions

ANSWER_SECONDS: Final = 10


def connected(scheduler: str) -> Any:
    """A Dask client at a scheduler whose workers have the versions of this process.

    Args:
        scheduler: address such as ``tls://host:8786``.

    Raises:
        BadInput: it does not answer, has no workers, or workers of other versions.
    """
    from distributed import Client

    try:
        # A client that finds nobody tries again and again, even while it is being deleted.
        asyncio.run(_knock(scheduler))
        client = Client(scheduler, set_as_default=False, timeout=ANSWER_SECONDS)
    except (OSError, ValueError, RuntimeError):
        raise BadInput(
            f"Background workers could not be started: no Dask scheduler answers at {scheduler}; "
            "check the address, and that it is running.",
            field="scheduler",
        ) from None
    except TypeError:  # an address with tls:// where the configuration names no certificates
        raise BadInput(
            f"Background workers could not be started: no Dask scheduler answers at {scheduler} "
            "without TLS certificates; check the address, and name them in Dask's configuration "
            "under distributed.comm.tls.",
            field="scheduler",
        ) from None
    wrong = odd_worker(client) if client.nthreads() else _nobody(scheduler)
    if wrong:
        client.close(timeout=2)
        raise BadInput(wrong, field="scheduler")
    return client


async def _knock(scheduler: str) -> None:
    from distributed.comm.core import connect
    from distributed.security import Security

    own = Security().get_connection_args("client")
    # Dask's own limit ends when something listens, though it may never say a word.
    comm = await asyncio.wait_for(connect(scheduler, timeout=ANSWER_SECONDS, **own), ANSWER_SECONDS)
    await comm.close()


def odd_worker(client: Any, addresses: Sequence[str] | None = None) -> str:
    """A sentence about a worker with other versions than this process; empty if there is none.

    Args:
        client: Dask's.
        addresses: of the workers to ask; ``None`` asks all of them.
    """
    said = client.run(worker.own_versions, workers=addresses, on_error="return")
    return next(filter(None, (_difference(one, found) for one, found in said.items())), "")


def _difference(address: str, found: Any) -> str:
    if isinstance(found, BaseException):
        return (
            f"The worker at {address} cannot load the workbench ({found}); install it there, in "
            "the version of this process."
        )
    for name, own in versions().items():
        other = found.get(name, "not installed")
        if _counting(name, other) != _counting(name, own):
            return (
                f"The worker at {address} has {name} {other} and this process has {own}; install "
                "the same version on both."
            )
    return ""


def _counting(name: str, version: str) -> str:
    """Of Python's version the first two numbers, of the others the whole."""
    return ".".join(version.split(".")[:2]) if name == "python" else version


def _nobody(scheduler: str) -> str:
    return (
        f"The Dask scheduler at {scheduler} has no workers; start some with 'dask worker "
        f"{scheduler}'."
    )
