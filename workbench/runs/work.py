"""A work: a generator function named by its import path, and how it is carried out to an end."""

from __future__ import annotations

import importlib
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import Any, Literal

from workbench.errors import BadInput, WorkbenchError
from workbench.runs.attempt import Attempt
from workbench.runs.events import (
    TERMINAL,
    Cancelled,
    Event,
    Failed,
    Finished,
    take_apart,
)

Work = Callable[[dict[str, Any], Attempt], Iterator[Event]]

logger = logging.getLogger(__name__)


def find_work(path: str) -> Work:
    """Import a work by its path.

    Args:
        path: ``"package.module:function"``; the function takes a config as values and an
            ``Attempt``, and returns an iterator of events.

    Raises:
        BadInput: there is no such module or function.
    """
    module, _, name = path.partition(":")
    try:
        found: Work = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        # A module that is there but misses one of its own imports is a fault of another kind.
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise BadInput(f"There is no module {module} to run {path} from.") from None
        raise
    except AttributeError:
        raise BadInput(f"Module {module} has no function {name!r} to run.") from None
    return found


def perform(work: str, config: dict[str, Any], attempt: Attempt) -> Iterator[Event]:
    """Carry out a work; the last event is always one of ``Finished``, ``Failed``, ``Cancelled``.

    The work's own clean-up has run before that last event is seen. Closing this iterator closes
    the work; then no last event is seen.
    """
    end: Event | None = None
    steps: Iterator[Event] | None = None
    try:
        steps = find_work(work)(config, attempt)
        for event in steps:
            _check(work, event)
            if isinstance(event, TERMINAL):
                end = event
                break
            yield event
        else:
            end = Failed(
                message=f"The work {work} ended without a result.",
                details="its generator returned without a last event",
            )
    except (Exception, SystemExit) as error:
        end = failure(error)
    finally:
        end = _close(steps, end)
    yield end


def failure(error: BaseException) -> Failed:
    """An exception as the end of a run: one sentence, and details unless the input was to blame."""
    if isinstance(error, BadInput):
        return Failed(message=error.message, field=error.field)
    details = "".join(traceback.format_exception(error))
    if isinstance(error, WorkbenchError):
        return Failed(message=str(error), details=details)
    if isinstance(error, MemoryError):
        return Failed(message="The memory is full; try smaller batches or slices.", details=details)
    what = f"{type(error).__name__}: {error}".strip().removesuffix(":")
    return Failed(message=f"The work stopped with an error, {what}.", details=details)


def outcome(event: Event) -> dict[str, Any]:
    """The result in a run's last event.

    Raises:
        BadInput: the work refused its input.
        WorkbenchError: it failed otherwise, or was stopped.
    """
    if isinstance(event, Finished):
        return dict(event.result)
    if isinstance(event, Failed) and not event.details:
        raise BadInput(event.message, field=event.field)
    if isinstance(event, Failed):
        raise WorkbenchError(event.message)
    if isinstance(event, Cancelled):
        raise WorkbenchError(f"The run was {event.message}.")
    raise WorkbenchError("The run has not ended.")


def _check(work: str, event: object) -> None:
    """Refuse what cannot be recorded, while it is clear who made it."""
    if not isinstance(event, Event):
        raise TypeError(f"{work} yielded {type(event).__name__}, not an event")
    json.dumps(take_apart(event)[0], allow_nan=False)


def ended_as(event: Event) -> Literal["finished", "failed", "cancelled"]:
    """The status that a last event leaves a run in."""
    if isinstance(event, Finished):
        return "finished"
    return "failed" if isinstance(event, Failed) else "cancelled"


def _close(steps: Iterator[Event] | None, end: Event | None) -> Event:
    """Let the work clean up. A result that is there already outlives an error in the clean-up."""
    try:
        close = getattr(steps, "close", None)
        if close is not None:
            close()
    except Exception as error:
        logger.exception("the work failed while it cleaned up")
        if not isinstance(end, Finished):
            return failure(error)
    return end or Cancelled()
