"""The choices of the audit panel, named as in ``AuditConfig``."""

from __future__ import annotations

import dataclasses
from typing import Final

import traitlets as T

from workbench.auditing.claim import ADJACENCY
from workbench.auditing.config import AuditConfig
from workbench.errors import BadInput
from workbench.panels.audit_words import PREDICTIONS
from workbench.panels.parts.model import PanelModel

PREDICT_FIRST: Final = "Predict first which test will catch this bug; then start."


class AuditChoices(PanelModel):
    """Everything that :class:`AuditConfig` holds but levels and coins, and a prediction.

    Attributes:
        predict: whether a bug is only audited once somebody has predicted what catches it.
        prediction: the test that is thought to catch the bug, a key of ``PREDICTIONS``; empty
            for none.
    """

    engine = T.Unicode("bookkeeping").tag(param=True)
    training = T.Unicode(None, allow_none=True).tag(param=True)
    bug = T.Unicode(None, allow_none=True).tag(param=True)
    network = T.Unicode("cnn").tag(param=True)
    data = T.Unicode(None, allow_none=True).tag(param=True)
    size = T.Int(32).tag(param=True)
    noise_multiplier = T.Float(1.0).tag(param=True)
    sample_rate = T.Float(0.05).tag(param=True)
    steps = T.Int(200).tag(param=True)
    delta = T.Float(1e-5).tag(param=True)
    unit = T.Unicode("slice").tag(param=True)
    max_grad_norm = T.Float(1.0).tag(param=True)
    optimizer = T.Unicode("sgd").tag(param=True)
    physical_batch = T.Int(256).tag(param=True)
    canaries = T.Int(2000).tag(param=True)
    nulls = T.Int(6000).tag(param=True)
    predict = T.Bool(False).tag(param=True)
    prediction = T.Enum(["", *PREDICTIONS], "").tag(param=True)

    def config(self) -> AuditConfig:
        """The audit that is chosen; a panel always states delta, unit and adjacency.

        Raises:
            BadInput: a value is out of its range.
        """
        own = {field.name for field in dataclasses.fields(AuditConfig)}
        chosen = {name: value for name, value in self.params().items() if name in own}
        return AuditConfig(**chosen, adjacency=ADJACENCY)

    def check(self) -> None:
        """Refuse what the audit would refuse, as far as that is known without its network."""
        self.config()

    def check_predicted(self) -> None:
        """Refuse to show what somebody wants to predict first.

        Raises:
            BadInput: there is a bug and no prediction, though one was asked for.
        """
        if self.predict and self.bug and not self.prediction:
            raise BadInput(PREDICT_FIRST, field="prediction")
