"""What a panel knows: its choices, its state, its results. No widget, no drawing.

A view watches the traits and can be thrown away and built again at any time; the model is the
truth.
"""

from __future__ import annotations

import difflib
import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, Self

import traitlets as T

from workbench.errors import BadInput
from workbench.panels.parts.guard import Guarded
from workbench.panels.parts.pump import Batch, Pump
from workbench.panels.parts.states import BUSY, STATES, WORKING
from workbench.runs.events import Cancelled, Event, Failed, Finished, Progress, Started

_STOPPING = "stopping …"


class Job(Protocol):
    """What a panel needs of a background job (``workbench.runs.jobs.Job``)."""

    @property
    def run(self) -> str: ...
    @property
    def status(self) -> str: ...
    def subscribe(self, callback: Callable[[Event], object], /) -> Callable[[], None]: ...
    def pause(self) -> None: ...
    def go_on(self) -> None: ...
    def cancel(self) -> None: ...


class PanelModel(Guarded):
    """Base of the panels' models.

    A subclass declares its choices as traits tagged ``param=True``, says in :meth:`check` whether
    they go together, starts its work in :meth:`launch` and takes the events in :meth:`take`.

    Args:
        params: values for the choices; unknown names are refused.

    Attributes:
        status: one of :data:`workbench.panels.parts.states.STATES`.
        done, total: progress in any unit; total 0 where unknown.
        doing: what is done now (``"step 40 of 300"``); subclasses set it in :meth:`take`.
        elapsed_s, clock_at: seconds of work until the moment ``clock_at`` (Unix time).
        left_s: estimate of the seconds still to go; -1 where unknown.
        guarantee, tone: the privacy statement and its tone.
        run: id of the run record.
        echo: counts requests to send everything to the page once more.
    """

    status = T.Enum(STATES, "idle")
    done = T.Float(0.0)
    total = T.Float(0.0)
    doing = T.Unicode()
    elapsed_s = T.Float(0.0)
    clock_at = T.Float(0.0)
    left_s = T.Float(-1.0)
    guarantee = T.Unicode()
    tone = T.Enum(["private", "open", "void", "quiet"], "quiet")
    run = T.Unicode()
    echo = T.Int(0)

    _living: ClassVar[dict[tuple[type, str], PanelModel]] = {}
    _attaching: ClassVar[threading.RLock] = threading.RLock()

    def __init__(self, **params: Any) -> None:
        self.job: Job | None = None
        self._pump: Pump | None = None
        self._first: tuple[float, float] | None = None
        self._refuse_unknown(params)
        super().__init__(**params)
        self.observe(self._changed, sorted(self.params()))

    @classmethod
    def attach(cls, name: str = "main", **params: Any) -> Self:
        """The panel of that name in this kernel: the living one, or a new one.

        A cell that is run again shows a run in progress again instead of losing it. New choices
        are taken over unless something is running.
        """
        with PanelModel._attaching:
            found = PanelModel._living.get((cls, name))
            if not isinstance(found, cls):
                found = cls(**params)
                PanelModel._living[cls, name] = found
            elif found.status not in BUSY:
                found.set(**params)
            return found

    def params(self) -> dict[str, Any]:
        """The choices by name."""
        return {name: getattr(self, name) for name in self.trait_names(param=True)}

    def set(self, **params: Any) -> None:
        """Set choices by name; unknown names are refused with a hint."""
        self._refuse_unknown(params)
        with self.lock:
            for name, value in params.items():
                setattr(self, name, value)

    def choose(self, name: str, value: Any) -> None:
        """Set one choice from a control; a refused value is remembered and blocks the start."""
        with self.lock:
            try:
                self.set(**{name: value})
            except BadInput as error:
                self.reject(error.message, name)
            except (T.TraitError, ValueError, TypeError) as error:
                self.reject(f"This value cannot be used here: {error}", name)
            else:
                if self.blocked:
                    self.recheck(name)

    def recheck(self, name: str) -> None:
        """The control of a choice shows the choice again; see what the check says now."""
        with self.lock:
            self.accept(name)
            self.guarded(self.check)

    # What subclasses say.

    def check(self) -> None:
        """Raise :class:`BadInput` when the choices do not go together."""

    def launch(self) -> Job:
        """Start the work that the choices describe."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget the results of the run before."""

    def take(self, batch: Batch) -> None:
        """Take events into the results; at most ten batches a second.

        Set each trait once: ``batch.last(Preview)`` for pictures, ``batch.all(Step)`` for curves.
        """

    # What the buttons do. All return at once.

    def start(self) -> None:
        """Check the choices and start; a refusal appears under the control concerned."""
        with self.lock:
            if self.status in BUSY or self.blocked:
                return
            # Before the state changes: a refusal would turn all controls off and on again, and a
            # control that is turned off while somebody types into it loses what was typed.
            self._tell()
            if not self.guarded(self.check):
                return
            self._begin()
            if not self.guarded(self._launch):
                self._turn("failed" if self.message else "idle")

    def pause(self) -> None:
        """Ask the job to wait at its next step."""
        with self.lock:
            if self.job is not None and self.status == "running" and self.guarded(self.job.pause):
                self._turn("paused")

    def go_on(self) -> None:
        """Let a waiting job go on."""
        with self.lock:
            if self.job is not None and self.status == "paused" and self.guarded(self.job.go_on):
                self._turn("running")

    def stop(self) -> None:
        """Ask the job to end; what was computed stays."""
        with self.lock:
            if self.job is not None and self.status in BUSY and self.guarded(self.job.cancel):
                self.doing = _STOPPING

    # How events come in.

    def apply(self, batch: Batch) -> None:
        """Take a batch of events: results first, then progress, then the end."""
        with self.lock:
            stopping = self.doing if self.doing == _STOPPING else ""
            self.guarded(self.take, batch)
            moved = [event for event in batch if event.progress is not None]
            if moved:
                self._progress(moved[-1])
            self._follow(bool(moved) or batch.last(Started) is not None)
            self.doing = stopping or self.doing
            if batch.over:
                self._end(batch[-1])

    def resend(self) -> None:
        """Ask every view to send its state to the page once more."""
        with self.lock:
            self.echo += 1

    def close(self) -> None:
        """Stop listening to the job and leave the registry; the job itself goes on."""
        if self._pump is not None:
            self._pump.close()
        with PanelModel._attaching:
            for key in [key for key, model in PanelModel._living.items() if model is self]:
                del PanelModel._living[key]

    def _begin(self) -> None:
        if self._pump is not None:
            self._pump.close()
        self.message = self.details = self.doing = self.run = ""
        self._tell()
        self.done = self.total = self.elapsed_s = 0.0
        self.left_s, self._first = -1.0, None
        self.clear()
        self._turn("starting")

    def _launch(self) -> None:
        job = self.job = self.launch()
        self.run = job.run
        if job.status == "waiting":
            self._turn("waiting")

        def apply(batch: Batch) -> None:
            if job is self.job:  # a batch of the run before may still be on its way
                self.apply(batch)

        self._pump = Pump(job, apply, self.resend)
        self._pump.start()

    def _follow(self, working: bool) -> None:
        """Be what the job is; it holds by itself while the disk is full."""
        if working and self.status in ("starting", "waiting"):
            self._turn("running")
        now = self.job.status if self.job is not None else self.status
        if {now, self.status} == {"running", "paused"}:
            self._turn(now)

    def _progress(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.doing = event.doing
        done, total = event.progress or (0.0, 0.0)
        if total != self.total or done < self.done:  # another part of the work, in other units
            self._first, self.left_s = None, -1.0
        self.done, self.total = done, total
        self._first = self._first or (self._worked(), self.done)
        worked, moved = self._worked() - self._first[0], self.done - self._first[1]
        if worked > 1 and moved > 0:
            self.left_s = worked / moved * max(0.0, self.total - self.done)

    def _end(self, event: Event) -> None:
        match event:
            case Finished():
                self._turn("finished")
                self.done = self.total = self.total or 1.0
            case Cancelled():
                self._turn("cancelled")
            case Failed():
                self._turn("failed")
                self.complain(event.message)
                self.refuse(event.message, event.field)
            case _:
                return
        self.left_s, self.doing = -1.0, ""

    def _turn(self, status: str) -> None:
        """Change the state; the clock runs while something is being worked on."""
        self.elapsed_s, self.clock_at = self._worked(), time.time()
        self.status = status

    def _worked(self) -> float:
        since = max(0.0, time.time() - self.clock_at) if self.status in WORKING else 0.0
        return float(self.elapsed_s) + since

    def _changed(self, change: Any) -> None:
        self.recheck(change["name"])

    def _refuse_unknown(self, params: dict[str, Any]) -> None:
        known = self.trait_names(param=True)
        for name in params:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"it knows {', '.join(known)}."
                raise TypeError(f"{type(self).__name__} knows no {name!r}; {hint}")
