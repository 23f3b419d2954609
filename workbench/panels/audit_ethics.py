"""The ethics-board card of the audited claim, or of a finished training."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import traitlets as T

from workbench.accounting.mechanism import Mechanism
from workbench.errors import BadInput
from workbench.figures.ethics_card import EthicsNumbers, ethics_html, ethics_numbers
from workbench.panels.audit_model import AuditModel
from workbench.panels.parts.controls import Choice
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.words import Statement
from workbench.runs.record import RunRecord

_CLAIM: Final = ""
_CLAIM_WORDS: Final = "the claim on the left"
_LISTED: Final = 30
RECKONING: Final = "Reckoning what an attacker could do at most …"
FALSIFIED: Final = (
    "This claim was falsified, and its bounds with it: nobody can say what is left to an attacker."
)


class EthicsView(W.VBox):
    """A choice of runs, and the card of the one that is chosen.

    Attributes:
        awake: whether anybody looks; what nobody sees is not reckoned.
    """

    awake = T.Bool(False)

    def __init__(self, model: AuditModel) -> None:
        self.model = model
        self.reckoning = Latest("ethics card")
        self.run = Choice("The card of", {_CLAIM: _CLAIM_WORDS})
        self.run.layout.max_width = "28rem"
        self.words, self.card = Statement(), W.HTML()
        super().__init__([self.words, self.card, self.run])
        self.layout.grid_gap, self.layout.overflow = "8px", "visible"
        claim = ["noise_multiplier", "sample_rate", "steps", "delta", "unit", "result"]
        model.observe(model.guard(self._ask), claim)
        self.observe(model.guard(self._look), "awake")
        self.run.observe(model.guard(self._ask), "value")

    def _look(self, _change: Any = None) -> None:
        if self.awake:
            offered = {one.id: _words(one) for one in self._private()}
            self.run.offer({_CLAIM: _CLAIM_WORDS, **offered})
            self._ask()

    def _private(self) -> list[RunRecord]:
        """Finished trainings that a bound can be given for, the newest first."""
        records = self.model.store.list("train")[::-1]
        return [one for one in records if one.status == "finished" and _bounded(one)][:_LISTED]

    def _ask(self, _change: Any = None) -> None:
        if self.awake:
            self.reckoning.ask(self.model.guard(self._reckon))

    def _reckon(self) -> None:
        chosen = self.run.value
        if chosen == _CLAIM and self.model.falsified:
            self._show("", FALSIFIED)
            return
        if not self.card.value:
            self._show("", RECKONING)
        try:
            numbers = self._numbers(chosen)
        except BadInput:
            self._show("", "")  # stands under its control
            return
        if not self.reckoning.superseded:
            self._show(ethics_html(numbers), "")

    def _numbers(self, chosen: str) -> EthicsNumbers:
        if chosen == _CLAIM:
            claim = self.model.config().claim
            return ethics_numbers(
                [claim.mechanism], delta=claim.delta or 0.0, unit=str(claim.unit), name="The claim"
            )
        result = self.model.store.record(chosen).result or {}
        mechanism = Mechanism(
            noise_multiplier=result["noise_multiplier"],
            sample_rate=result["sample_rate"],
            steps=result["steps"],
        )
        name = f"Training {chosen.rpartition('-')[2]}"
        return ethics_numbers([mechanism], delta=result["delta"], unit=result["unit"], name=name)

    def _show(self, card: str, words: str) -> None:
        with self.model.lock:
            self.card.value, self.words.text = card, words


def _bounded(record: RunRecord) -> bool:
    """Whether a training was private; noise that anybody can repeat bounds nothing."""
    private = record.config.get("privacy") or {"noise": "seeded"}
    return private.get("noise") != "seeded" and (record.result or {}).get("unit") is not None


def _words(record: RunRecord) -> str:
    result = record.result or {}
    name, when = record.id.rpartition("-")[2], record.created.strftime("%d %b %H:%M")
    return f"training {name}: ε {float(result['epsilon']):.3g} per {result['unit']}, {when}"
