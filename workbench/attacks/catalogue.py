"""Every attack by name: what it is, whom it needs, where it lives."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from workbench.attacks.config import LARGEST_BATCH

if TYPE_CHECKING:  # the panel reads this and loads no torch
    from workbench.models.losses import Task

Need = Literal["targets", "public"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """One attack of the catalogue.

    Attributes:
        about: what it does, for a person who chooses.
        home: ``"package.module:function"``, called as ``(observation, knowledge, *, seconds,
            restarts, seed)``; a generator of ``Reconstructing`` that returns a ``Reconstruction``.
        needs: what it must be told: ``"targets"`` (masks, or labels of a batch), ``"public"``.
        server: who can carry it out.
        tasks: of the networks that it works on.
        largest_batch: records behind one gradient that it can take apart.
        local_steps: whether it understands updates after several local steps.
        largest_size: side in pixels up to which it works.
        implant: ``"package.module:function"`` of what a malicious server puts into the network,
            called as ``(network, public, *, size, batch, seed)`` with public slices
            ``(N, 1, H, W)``; returns the changed network.
        source: where it was published.
    """

    about: str
    home: str
    source: str
    needs: frozenset[Need] = frozenset()
    server: Literal["honest", "malicious"] = "honest"
    tasks: tuple[Task, ...] = ("segmentation", "classification")
    largest_batch: int = LARGEST_BATCH
    local_steps: bool = True
    largest_size: int = 512
    implant: str | None = None

    def load(self) -> Callable[..., Any]:
        """The attack itself."""
        return named(self.home)


def named(path: str) -> Callable[..., Any]:
    """The function behind ``"package.module:function"`` of this house."""
    module, _, function = path.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


_METHODS = "workbench.attacks.methods"

METHODS: dict[str, Method] = {
    "two-stage": Method(
        about="coarse to fine, signed Adam with cosine and total variation, then L-BFGS; looks "
        "for masks too where they are not known, and starts from public slices where it has some",
        home=f"{_METHODS}.two_stage:two_stage",
        source="Geiping et al. 2020; Zhu et al. 2019",
    ),
    "analytic": Method(
        about="reads the image off the gradient of a first linear layer",
        home=f"{_METHODS}.analytic:analytic",
        source="Phong et al. 2017",
        largest_batch=1,
        local_steps=False,
    ),
    "recursive": Method(
        about="solves for the input of layer after layer, from the last to the first; networks "
        "without normalisation or pooling, up to about 32 pixels",
        home=f"{_METHODS}.recursive:recursive",
        source="Zhu and Blaschko 2021 (R-GAP)",
        tasks=("classification",),
        largest_batch=1,
        local_steps=False,
    ),
    "imprint": Method(
        about="a server that puts a layer of bins in front of the network reads the slices off it",
        home=f"{_METHODS}.imprint:imprint",
        source="Fowl et al. 2022 (Robbing the Fed)",
        server="malicious",
        implant=f"{_METHODS}.implant:implant",
    ),
    "learned-prior": Method(
        about="two-stage with a denoiser, trained on public slices, in place of total variation",
        home=f"{_METHODS}.learned_prior:learned_prior",
        source="Venkatakrishnan et al. 2013 (plug and play); Romano et al. 2017",
        needs=frozenset({"targets", "public"}),
    ),
    "noisy": Method(
        about="for gradients with noise: several strengths of total variation, chosen by gradient "
        "values that the fit has not seen",
        home=f"{_METHODS}.noisy:noisy",
        source="Stone 1974 (cross-validation); Geiping et al. 2020",
        needs=frozenset({"targets"}),
    ),
    "exact": Method(
        about="two-stage, then Levenberg-Marquardt to the last digit, on small slices",
        home=f"{_METHODS}.exact:exact",
        source="Levenberg 1944; Marquardt 1963",
        needs=frozenset({"targets"}),
        largest_batch=1,
        largest_size=32,
    ),
    "inverting-gradients": Method(
        about="cosine distance and total variation, signed Adam, as published",
        home=f"{_METHODS}.published:inverting_gradients",
        source="Geiping et al. 2020",
        needs=frozenset({"targets"}),
    ),
    "dlg": Method(
        about="squared distance by L-BFGS, labels or masks searched for too, as published",
        home=f"{_METHODS}.joint:dlg",
        source="Zhu et al. 2019",
    ),
    "idlg": Method(
        about="squared distance by L-BFGS, the label read off the last layer, as published",
        home=f"{_METHODS}.published:idlg",
        source="Zhao et al. 2020",
        tasks=("classification",),
        largest_batch=1,
    ),
    "lbfgs": Method(
        about="squared distance by L-BFGS, labels or masks known",
        home=f"{_METHODS}.published:lbfgs_distance",
        source="breaching's deepleakage recipe with known labels (Geiping 2022)",
        needs=frozenset({"targets"}),
    ),
}
