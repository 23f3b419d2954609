"""What the planner knows: four quantities that are fixed, and the fifth that follows from them."""

from __future__ import annotations

import time
from typing import Any, Final

import traitlets as T

from workbench.accounting.ledger.plans import Planned
from workbench.accounting.planner import QUANTITIES, Plan, Wish
from workbench.accounting.planner_map import epsilon_map
from workbench.accounting.planner_solve import NotWanted, solve
from workbench.errors import BadInput
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.model import PanelModel
from workbench.panels.planner_words import plan_words

_WHOLE: Final = ("steps", "units")
_REST_S: Final = 0.3
"""Who drags is let alone for so long before anything heavy is computed."""


class PlannerModel(PanelModel):
    """A training that is not run: what it spends, or what it may be.

    The first answer comes with the change itself, from a coarse grid; the reported one and the
    surroundings follow in the background once nobody drags any more.

    Args:
        params: choices by name. Of the five quantities at most four; where ``solve_for`` is not
            given, the first one that is not given is found.

    Attributes:
        solve_for: which quantity is found; it is overwritten, the other four are fixed.
        target_epsilon, noise_multiplier, expected_batch, steps, units: the quantities.
        delta, unit: as in ``PrivacyConfig``.
        plan: with the quantity that was found; ``None`` where the fixed ones rule it out.
        exact: whether the plan's epsilon is the one that a training would report.
        surface: epsilon around the plan; of the plan before while a new one is computed.
        planned: the plan as the other accountants take it.
    """

    solve_for = T.Enum(QUANTITIES, "target_epsilon").tag(param=True)
    target_epsilon = T.Float(3.0).tag(param=True)
    noise_multiplier = T.Float(1.0).tag(param=True)
    expected_batch = T.Float(10.0).tag(param=True)
    steps = T.Int(300).tag(param=True)
    units = T.Int(200).tag(param=True)
    delta = T.Float(1e-3).tag(param=True)
    unit = T.Unicode("patient").tag(param=True)
    plan = T.Any(None)
    exact = T.Bool(False)
    surface = T.Any(None)
    planned = T.Any(None)

    def __init__(self, **params: Any) -> None:
        self.refining = Latest("planner")
        self._asked: Wish | None = None
        self._refuse_unknown(params)
        super().__init__(**_with_unknown(params, params.keys(), None))
        self.observe(self._say, ["plan", "errors"])
        self.guarded(self.check)
        self._say()

    def set(self, **params: Any) -> None:
        """Set choices by name; who sets the quantity that is found has another one found."""
        with self.lock:
            self._refuse_unknown(params)
            new = {name for name, value in params.items() if getattr(self, name) != value}
            super().set(**_with_unknown(params, new, self.solve_for))

    def wish(self) -> Wish:
        """What is fixed.

        Raises:
            BadInput: a value lies outside its range, or two contradict each other.
        """
        fixed = {name: getattr(self, name) for name in QUANTITIES if name != self.solve_for}
        return Wish(**fixed, delta=self.delta, unit=self.unit)  # type: ignore[arg-type]  # checked

    def check(self) -> None:
        """Answer at once; refuse what cannot be."""
        try:
            wish = self.wish()
            if wish == self._asked and self.plan is not None:
                return  # only what was found has changed
            self._asked = wish
            self._take_plan(solve(wish, exact=False), exact=False)
        except BadInput:
            self._asked = self.plan = self.planned = None
            self.refining.ask(lambda: None)
            raise
        self.refining.ask(self.guard(lambda: self._refine(wish)))

    def _refine(self, wish: Wish) -> None:
        """The surroundings, then the reported numbers, unless something else is wanted by then."""
        rested = time.monotonic() + _REST_S
        while time.monotonic() < rested:
            if not self._wanted(wish):
                return
            time.sleep(0.02)
        try:
            self._surround(wish)
            plan = solve(wish, wanted=lambda: self._wanted(wish))
            with self.lock:
                if self._wanted(wish):
                    self._take_plan(plan, exact=True)
            self._surround(wish)
        except NotWanted:
            return

    def _surround(self, wish: Wish) -> None:
        plan = self.plan
        if plan is None:
            raise NotWanted
        surface = epsilon_map(plan, wanted=lambda: self._wanted(wish))
        with self.lock:
            if self._wanted(wish):
                self.surface = surface

    def _wanted(self, wish: Wish) -> bool:
        return wish is self._asked

    def _take_plan(self, plan: Plan, *, exact: bool) -> None:
        """Show a plan; the quantity that was found is written over."""
        value = plan.value
        self.exact = exact
        self.planned = Planned(
            noise_multiplier=plan.noise_multiplier,
            sample_rate=plan.sample_rate,
            steps=plan.steps,
            delta=plan.delta,
            unit=plan.unit,
        )
        self.plan = plan
        setattr(self, plan.found, int(value) if plan.found in _WHOLE else value)

    def _say(self, _change: Any = None) -> None:
        with self.lock:
            self.guarantee, self.tone = plan_words(self.plan)


def _with_unknown(params: dict[str, Any], new: Any, current: str | None) -> dict[str, Any]:
    """Say which quantity is found, where what is given does not leave the one found before.

    Raises:
        BadInput: nothing is left to be found.
    """
    named = params.get("solve_for", current)
    if "solve_for" not in params and (current is None or current in new):
        named = next((name for name in QUANTITIES if name not in params), None)
    if named is None or (named in params and named in new):
        raise BadInput(
            f"Give at most four of {', '.join(QUANTITIES)}: one of them is found"
            + (f", here {named}." if named else "."),
            field="solve_for",
        )
    return {**params, "solve_for": named}
