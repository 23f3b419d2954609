"""Every training that can be audited by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.dpsgd.engine_names import ENGINES

if TYPE_CHECKING:  # the panel reads the names and loads no torch
    from workbench.auditing.exam import Training

PRIVACY_ENGINES: dict[str, tuple[str, str]] = {
    "privacy-engine": ("hooks", "Opacus' own PrivacyEngine, as its users write it"),
    "privacy-engine-functorch": ("functorch", "the same with torch.func, layer by layer"),
    "privacy-engine-ew": ("ew", "the same with torch's expanded weights"),
    "privacy-engine-ghost": ("ghost", "the same with ghost clipping"),
    "privacy-engine-bookkeeping": ("bookkeeping", "the workbench's engine behind Opacus' calls"),
}
"""Name to Opacus' ``grad_sample_mode`` and to what it is."""

TRAININGS: dict[str, str] = {
    **ENGINES,
    **{name: about for name, (_, about) in PRIVACY_ENGINES.items()},
}
"""Name to what it is; names on the command line."""


def training_named(name: str) -> Training:
    """The training of this name, a key of ``TRAININGS``."""
    from workbench.auditing.trainings.opacus_own import privacy_engine
    from workbench.auditing.trainings.reference import Parts, engine_named, reference

    if name in PRIVACY_ENGINES:
        return privacy_engine(PRIVACY_ENGINES[name][0])
    return reference(Parts(engine=engine_named(name)))
