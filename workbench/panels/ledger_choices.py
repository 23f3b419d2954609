"""The choices of the ledger panel: which data, which next run, which budget."""

from __future__ import annotations

from typing import Any, Final

import traitlets as T

from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.accounts import Account
from workbench.accounting.ledger.budget import Budget
from workbench.accounting.ledger.plans import Planned
from workbench.errors import BadInput, check_range
from workbench.panels.budget import epsilon_at, noise_at
from workbench.panels.ledger_words import brief
from workbench.panels.parts.model import PanelModel

BUDGET: Final = ("budget_epsilon", "budget_delta", "policy")


class LedgerChoices(PanelModel):
    """Data, a run that is not charged yet, and a budget that is not set yet.

    What nobody has chosen follows the account that is shown.

    Attributes:
        data: fingerprint of a data set of the account; its name is taken too.
        privacy: which of noise multiplier and target epsilon the next run is given.
        noise_multiplier, target_epsilon, sample_rate, steps, delta, unit: of the next run, as in
            ``PrivacyConfig`` and ``TrainConfig``.
        budget_epsilon, budget_delta, policy: of the budget, as in the ledger's ``Budget``.
    """

    data = T.Unicode().tag(param=True)
    privacy = T.Enum(["noise_multiplier", "target_epsilon"]).tag(param=True)
    noise_multiplier = T.Float(1.0).tag(param=True)
    target_epsilon = T.Float(3.0).tag(param=True)
    sample_rate = T.Float(0.05).tag(param=True)
    steps = T.Int(150).tag(param=True)
    delta = T.Float(1e-3).tag(param=True)
    unit = T.Unicode("patient").tag(param=True)
    budget_epsilon = T.Float(8.0).tag(param=True)
    budget_delta = T.Float(1e-3).tag(param=True)
    policy = T.Unicode("stop").tag(param=True)

    def __init__(self, **params: Any) -> None:
        self._own = set(params)
        targeted = "target_epsilon" in params and "noise_multiplier" not in params
        kind = "target_epsilon" if targeted else "noise_multiplier"
        super().__init__(**{"privacy": kind, **params})

    def set(self, **params: Any) -> None:
        """Set choices by name; no account replaces what was chosen so."""
        with self.lock:
            mine = {name for name, value in params.items() if getattr(self, name, None) != value}
            super().set(**params)
            self._own |= mine

    def follow(self, account: Account, last: Planned | None) -> None:
        """Take what nobody has chosen from an account: its last private run and its budget."""
        values: dict[str, Any] = {}
        if last is not None:
            names = ("noise_multiplier", "sample_rate", "steps", "delta", "unit")
            values |= {name: getattr(last, name) for name in names}
        if account.budget is not None:
            limits = (account.budget.epsilon, account.budget.delta, account.budget.policy)
            values |= dict(zip(BUDGET, limits, strict=True))
        elif account.delta is not None:
            values["budget_delta"] = account.delta
        for name in values.keys() - self._own:
            setattr(self, name, values[name])

    def plan(self, noise_multiplier: float) -> Planned:
        """The next run with this noise.

        Raises:
            BadInput: a choice is out of range.
        """
        return Planned(
            noise_multiplier=noise_multiplier,
            sample_rate=self.sample_rate,
            steps=self.steps,
            delta=self.delta,
            unit=self.unit,  # type: ignore[arg-type]  # the plan checks it
        )

    def check_plan(self) -> None:
        """Refuse a next run that cannot be, without looking for its noise.

        Raises:
            BadInput: a choice is out of range.
        """
        targeted = self.privacy == "target_epsilon"
        if targeted:
            check_range("target_epsilon", self.target_epsilon, "(0, inf)")
        self.plan(1.0 if targeted else self.noise_multiplier)

    def priced(self) -> tuple[Planned, str]:
        """The next run, and what it comes to by itself in words; takes a fraction of a second.

        Raises:
            BadInput: a choice is out of range, or no noise gives the target epsilon.
        """
        self.check_plan()
        settings = (self.sample_rate, self.steps, self.delta)
        if self.privacy == "target_epsilon":
            noise = noise_at(self.target_epsilon, *settings)
            return self.plan(noise), f"noise multiplier {noise:.2f}, calibrated"
        planned = self.plan(self.noise_multiplier)
        if planned.why:
            return planned, "protects nobody"
        alone = round_up(epsilon_at(self.noise_multiplier, *settings))
        return planned, f"alone ε = {alone} per {self.unit}, δ = {brief(self.delta)}"

    def budget(self) -> Budget:
        """The budget that is chosen.

        Raises:
            BadInput: a value lies outside its range.
        """
        try:
            return Budget(
                epsilon=self.budget_epsilon,
                delta=self.budget_delta,
                policy=self.policy,  # type: ignore[arg-type]  # the budget checks it
            )
        except BadInput as error:
            names = {"epsilon": "budget_epsilon", "delta": "budget_delta"}
            raise BadInput(error.message, field=names.get(error.field or "", error.field)) from None
