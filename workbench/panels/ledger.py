"""The ledger panel: what all runs together have cost the patients, and what the next would add."""

from __future__ import annotations

from typing import Any, Final

import ipywidgets as W
import traitlets as T

from workbench.panels.ledger_choices import BUDGET
from workbench.panels.ledger_model import LedgerModel
from workbench.panels.ledger_stage import LedgerStage
from workbench.panels.ledger_words import account_help, account_words, budget_heading
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, NumberField, PushButton
from workbench.panels.parts.frame import Frame
from workbench.panels.parts.notice import Notice
from workbench.panels.parts.words import More, Statement
from workbench.panels.training_controls import UNITS, number

_PRIVACY: Final = {
    "noise_multiplier": "with a noise multiplier",
    "target_epsilon": "up to a target epsilon",
}
_POLICIES: Final = {
    "stop": "stop runs that would exceed it",
    "warn": "only warn of them",
}


class LedgerPanel(Frame):
    """Choose data, plan a run, see what it would cost before it costs anything.

    Nothing is trained here. What trainings write down in the ledger of this workspace appears by
    itself.

    Args:
        name: panels of one name in one kernel show the same account, so that a cell that is run
            again, or a desk, shows the same.
        params: choices by name: ``data`` (a name in the ledger, or the beginning of a fingerprint),
            the next run as in ``PrivacyConfig`` and ``TrainConfig`` (``noise_multiplier=1.1``,
            ``steps=300``, ``unit="slice"``), ``budget_epsilon``, ``budget_delta``, ``policy``.
    """

    def __init__(self, *, name: str = "main", **params: Any) -> None:
        model = LedgerModel.attach(name, **params)
        with model.lock:  # it may be reading, and all parts must begin with the same account
            self.data, self.stage = _data(model), LedgerStage(model)
            choices = [self.data, *_next_run(model), _budget(model)]
            super().__init__("Ledger", choices, [self.stage], model)
            self.notes, self.notice = Statement(), _notice(model)
            T.dlink((model, "notes"), (self.notes, "text"))
        # Nothing runs here, so there is nothing to start, pause or stop.
        self.children[2].children = [self.guarantee, self.notes, self.notice]


def _data(model: LedgerModel) -> Choice:
    """The accounts; what was asked for by a name stands among them until it is found."""
    control = Choice("Data", _offered(model), model.data)

    def offer(_change: Any = None) -> None:
        control.offer(_offered(model), model.data)

    def explain(_change: Any = None) -> None:
        control.help = account_help(model.account) if model.account else ""

    explain()
    model.observe(offer, ["accounts", "data"])
    model.observe(explain, "account")
    bind_field(control, model, "data")
    return control


def _offered(model: LedgerModel) -> dict[str, str]:
    known = {account.fingerprints[0]: account_words(account) for account in model.accounts}
    own = {} if model.data in known else {model.data: model.data or "none yet"}
    return {**own, **known}


def _next_run(model: LedgerModel) -> list[W.Widget]:
    unit = Choice("Unit", UNITS)
    kind = bind_field(Choice("Next run", _PRIVACY), model, "privacy")
    noise = bind_field(
        NumberField("Noise multiplier", 1, 0, 20, log_from=0.1), model, "noise_multiplier"
    )
    epsilon = bind_field(
        NumberField("Target epsilon", 3, 0.1, 100, log_from=0.1), model, "target_epsilon"
    )

    def follow(_change: Any = None) -> None:
        for control, name in ((noise, "noise_multiplier"), (epsilon, "target_epsilon")):
            control.layout.display = "" if model.privacy == name else "none"
            control.help = model.price if model.privacy == name else ""
        most = "counts for the patient with most slices"
        unit.help = most if model.unit == "slice" else ""

    follow()
    model.observe(follow, ["privacy", "price", "unit"])
    return [
        kind,
        noise,
        epsilon,
        number(model, "Steps", "steps", 1, 10_000_000, whole=True),
        number(model, "Sample rate", "sample_rate", 1e-9, 1),
        bind_field(unit, model, "unit"),
        number(model, "Delta", "delta", 1e-15, 0.5),
    ]


def _budget(model: LedgerModel) -> More:
    """What all runs together may cost; it holds for trainings from the moment it is set."""
    button = PushButton("Set budget", model.guard(model.set_budget))
    section = More(
        [
            number(model, "Epsilon allowed", "budget_epsilon", 1e-3, 1e6,
                   help="per patient, for all runs together"),
            number(model, "Delta of the budget", "budget_delta", 1e-15, 0.5),
            bind_field(Choice("When it is reached", _POLICIES), model, "policy"),
            button,
        ]
    )  # fmt: skip

    def follow(_change: Any = None) -> None:
        account = model.account
        section.head.label = budget_heading(account.budget if account else None)
        button.disabled = account is None or model.setting or bool(model.errors.keys() & {*BUDGET})

    follow()
    model.observe(follow, ["account", "setting", "errors"])
    return section


def _notice(model: LedgerModel) -> Notice:
    notice = Notice()

    def follow(_change: Any = None) -> None:
        with model.lock, notice.hold_sync():
            notice.message, notice.details = model.message, model.details
            notice.done = model.said

    follow()
    model.observe(follow, ["message", "details", "said"])
    return notice
