"""What the audit panel knows: the claim, probes and verdict, the bug zoo, the reconstruction."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np
import traitlets as T

from workbench.auditing.claim import Claim
from workbench.auditing.events import Probed
from workbench.auditing.robustness.config import MatchingConfig
from workbench.auditing.zoo.tried import Tried
from workbench.errors import BadInput
from workbench.panels.audit_choices import AuditChoices
from workbench.panels.audit_words import claimed, judged
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.model import Job
from workbench.panels.parts.pump import Batch
from workbench.panels.parts.states import BUSY
from workbench.runs.configs import config_to_json
from workbench.runs.events import Event, Finished, from_json
from workbench.runs.jobs import start
from workbench.runs.store import Store

WORK: Final = "workbench.auditing.audit:work"
ZOO_WORK: Final = "workbench.auditing.zoo.table:work"
MATCH_WORK: Final = "workbench.auditing.robustness.matching:work"

_CLAIM: Final = ("noise_multiplier", "sample_rate", "steps", "delta", "unit")
_MECHANISM: Final = ("noise_multiplier", "sample_rate", "steps")


class AuditModel(AuditChoices):
    """One audit, the whole zoo, and one attack by reconstruction.

    Attributes:
        kind: what runs, or ran last.
        probes: findings so far, as values.
        result: of the finished audit; ``None`` of any other.
        zoo: rows of the zoo's table so far, by bug.
        judgement: what the prediction was worth, once the audit is over.
        matched: result of the finished reconstruction; ``None`` without one.
    """

    kind = T.Enum(["audit", "zoo", "reconstruction"], "audit")
    probes: T.List[Any] = T.List()
    result: T.Any = T.Any(None)
    zoo = T.Dict()
    judgement = T.Unicode()
    matched: T.Any = T.Any(None)

    def __init__(self, **params: Any) -> None:
        self.store = Store()
        self.reckoning = Latest("claim of the audit")
        self.arrays: dict[str, np.ndarray] = {}
        self.matched_arrays: dict[str, np.ndarray] = {}
        super().__init__(**params)
        self.observe(self._another_claim, _CLAIM)
        self.observe(self._another_bug, "bug")
        self._another_claim()

    @property
    def falsified(self) -> bool:
        """Whether the claim that is chosen fell in the last audit."""
        result = self.result or {}
        return bool(result.get("caught_by")) and _is_of(self.config().claim, result)

    @property
    def matched_here(self) -> dict[str, Any] | None:
        """What the last reconstruction found, where it was of the noise that is chosen now."""
        chosen = {name: getattr(self, name) for name in _MECHANISM}
        result = self.matched or {}
        return result if chosen.items() <= result.get("claim", {}).items() else None

    # What the buttons do.

    def start(self) -> None:
        """Audit what is chosen, unless something is to be predicted first."""
        with self.lock:
            if self.status not in BUSY and not self.blocked:
                self._tell()
                if self.guarded(self.check_predicted):
                    self.kind = "audit"
                    super().start()

    def tour(self) -> None:
        """Audit every bug of the zoo at small size."""
        self._start("zoo")

    def match(self) -> None:
        """Have slices named by an attacker who knows all else, at the noise that is chosen."""
        self._start("reconstruction")

    def launch(self) -> Job:
        """Audit in a worker, or do there what else was asked for."""
        work, config = WORK, {}
        if self.kind == "zoo":
            work = ZOO_WORK
        elif self.kind == "reconstruction":
            own = [field.name for field in dataclasses.fields(MatchingConfig)]
            chosen = {name: value for name, value in self.params().items() if name in own}
            work, config = MATCH_WORK, config_to_json(MatchingConfig(**chosen))
        else:
            config = config_to_json(self.config())
        return start(work, config, kind=self.kind, store=self.store)

    def _start(self, kind: str) -> None:
        with self.lock:
            if self.status not in BUSY and not self.blocked:
                self.kind = kind
                super().start()

    # What the events bring.

    def clear(self) -> None:
        """Forget what was found before by what is done again."""
        if self.kind == "zoo":
            self.zoo = {}
        elif self.kind == "reconstruction":
            self.matched = None
        else:
            self.probes, self.result, self.judgement = [], None, ""
            self._another_claim()

    def take(self, batch: Batch) -> None:
        """Probes one after another, and the result in the end."""
        # What the canaries say stands in the ladder.
        found = [_values(event) for event in batch.all(Probed) if event.room != "canaries"]
        if found:
            self.probes = [*self.probes, *found]
        tried = {one.bug: _values(one) for one in batch.all(Tried)}
        if tried:
            self.zoo = {**self.zoo, **tried}
        finished = batch.last(Finished)
        if finished is not None and self.kind == "audit":
            self._finish(finished)
        if finished is not None and self.kind == "reconstruction":
            self.matched_arrays = dict(finished.arrays)
            self.matched = from_json(dict(finished.result))

    def _finish(self, finished: Finished) -> None:
        result = from_json(dict(finished.result))
        self.arrays = dict(finished.arrays)
        self.probes = list(result["probes"])
        self.judgement = judged(self.prediction, result) if self.bug else ""
        self.result = result
        self._another_claim()

    # The claim in the foot.

    def _another_claim(self, _change: Any = None) -> None:
        self.reckoning.ask(self.guard(self._say_claim))

    def _say_claim(self) -> None:
        with self.lock:
            try:
                claim = self.config().claim
            except BadInput:
                return  # stands under its control
        guarantee = claim.guarantee  # takes up to a second, so without the lock
        with self.lock:
            if self.reckoning.superseded:
                return
            result = self.result or {}
            verdict = result.get("verdict", "") if _is_of(claim, result) else ""
            self.guarantee, self.tone = claimed(guarantee, verdict)

    def _another_bug(self, _change: Any) -> None:
        self.prediction = ""


def _values(event: Event) -> dict[str, Any]:
    return dataclasses.asdict(event)


def _is_of(claim: Claim, result: dict[str, Any]) -> bool:
    return dataclasses.asdict(claim) == result.get("claim")
