"""Beginning from the weights of an earlier training, and what that means for the guarantee."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from workbench.accounting.ledger.charges import Charge
from workbench.accounting.ledger.ledger import Ledger
from workbench.accounting.ledger.plans import Identity
from workbench.errors import BadInput
from workbench.models.weights import trained_run
from workbench.runs.record import RunRecord


@dataclass(frozen=True, kw_only=True, eq=False)
class Pretrained:
    """Weights to begin with.

    Attributes:
        run: the training that they come from.
        weights: by name.
        words: what the guarantee must say of them.
    """

    run: str
    weights: Mapping[str, Tensor]
    words: str


def pretrained(run: str, identity: Identity, home: Path) -> Pretrained:
    """Read the weights of an earlier training.

    Weights that were trained on other data are assumed to be public. Those trained on the same
    slices are not: with protection their run stands in the ledger and adds up with this one;
    without it nobody would be protected, so it is refused.

    Args:
        run: its id.
        identity: of the slices that are going to be trained on.
        home: the workspace.

    Raises:
        BadInput: there are no such weights, or they were trained on these slices unprotected.
    """
    try:
        record, weights = trained_run(run, home)
        ancestors = [record, *_ancestors(record, home)]
    except BadInput as error:
        raise BadInput(error.message, field="pretrained") from None
    protected = {charge.run: charge.protected for charge in _charges(identity, home)}
    for one in ancestors:
        if not protected.get(one.id, True):
            raise BadInput(
                f"The starting weights {run} come from {one.id}, which was trained on the same "
                "slices without protection; begin from weights of other data or of a private run.",
                field="pretrained",
            )
    data = record.config.get("data", "other data")
    if record.id in protected:
        words = f"nothing of the starting weights: {run} was charged on the same data"
    else:
        words = f"the starting weights, of run {run} on {data}"
    return Pretrained(run=run, weights=weights, words=words)


def _ancestors(record: RunRecord, home: Path) -> Iterator[RunRecord]:
    while earlier := record.config.get("pretrained"):
        record, _ = trained_run(earlier, home)
        yield record


def _charges(identity: Identity, home: Path) -> list[Charge]:
    try:
        return Ledger(home).charges(identity)
    except BadInput:
        return []  # nothing was ever run on these data
