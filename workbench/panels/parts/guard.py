"""Errors that a person sees: under the control concerned, or in the panel's message strip.

An exception in a widget callback is shown nowhere in JupyterLab but in a hidden log; one in a
thread started by a callback is shown nowhere at all. So every callback goes through a guard.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

import traitlets as T

from workbench.errors import BadInput

_LOG = logging.getLogger(__name__)


class Guarded(T.HasTraits):
    """Holds what went wrong, as sentences.

    Attributes:
        message: a sentence for the message strip; empty where there is none.
        details: more about it, without a traceback.
        errors: sentence by name of the choice concerned.
        blocked: a control shows a value that was refused, so nothing may be started with it.
        lock: to be held while several traits change together; callbacks come from many threads.
    """

    message = T.Unicode()
    details = T.Unicode()
    errors = T.Dict()
    blocked = T.Bool(False)

    def __init__(self, **traits: Any) -> None:
        self.lock = threading.RLock()
        self._rejected: dict[str, str] = {}
        super().__init__(**traits)

    def guard(self, act: Callable[..., Any]) -> Callable[..., None]:
        """Wrap a callback so that its exceptions are seen."""

        @wraps(act)
        def guarded(*args: Any, **kwargs: Any) -> None:
            self.guarded(act, *args, **kwargs)

        return guarded

    def guarded(self, act: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
        """Call ``act`` now; whether it went well.

        Bad input becomes a sentence under its control, or in the strip where it has none.
        Anything else becomes a sentence in the strip and a traceback in the log, and is raised
        again in tests.
        """
        try:
            act(*args, **kwargs)
        except BadInput as error:
            self.refuse(error.message, error.field)
        except Exception as error:
            _LOG.exception("a callback of %s failed", type(self).__name__)
            self.complain(
                "Something went wrong in the workbench itself; the log has the details.",
                f"{type(error).__name__}: {error}",
            )
            if "PYTEST_CURRENT_TEST" in os.environ:
                raise
        else:
            return True
        return False

    def complain(self, message: str, details: str = "") -> None:
        """Show a sentence in the message strip."""
        with self.lock:
            self.details = details
            self.message = message

    def refuse(self, sentence: str, field: str | None) -> None:
        """Show a sentence under a control, or in the strip where ``field`` names none."""
        with self.lock:
            if field is not None and self.has_trait(field):
                self.errors = {**self.errors, field: sentence}
            else:
                self.complain(sentence)

    def reject(self, sentence: str, field: str) -> None:
        """Remember that a control shows a value which the model did not take."""
        with self.lock:
            self._rejected[field] = sentence
            self._tell()

    def accept(self, field: str) -> None:
        """The control's value was taken; complaints of older checks are out of date with it."""
        with self.lock:
            self._rejected.pop(field, None)
            self._tell()

    def _tell(self) -> None:
        self.errors = dict(self._rejected)
        self.blocked = bool(self._rejected)
