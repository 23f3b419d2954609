"""What an attack is: one frozen config that checks itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.attacks.defence import defence
from workbench.errors import check_choice, check_range

ATTACKS = (
    "two-stage", "analytic", "recursive", "imprint", "learned-prior", "noisy", "exact",
    "inverting-gradients", "dlg", "idlg", "lbfgs",
)  # fmt: skip
SERVERS = ("honest", "malicious", "eavesdropper")
PUBLIC = ("none", "others", "phantoms")
ACTIVATIONS = ("elu", "silu", "gelu", "tanh", "sigmoid", "relu", "leaky-relu", "prelu")
NORMALISATIONS = ("group", "instance", "none")
LARGEST_BATCH = 64


@dataclass(frozen=True, kw_only=True)
class AttackConfig:
    """One attack on what one client shared, complete: the same config is the same attack.

    Args:
        image: whose slice to take: a built-in name (``"CT_small"``) or a path.
        index: which slice of that set, counted from 0; a batch takes the slices that follow.
        size: side in pixels that slices are resized to, 16 to 512.
        model: a name from the catalogue, or ``"package.module:function"`` for your own.
        activation: put in place of the network's own, one of ``ACTIVATIONS``; ``None`` leaves it.
        normalisation: put in place of the network's own, one of ``NORMALISATIONS``; ``None``
            leaves it.
        trained: a finished training run of this workspace whose weights the network has; ``None``
            leaves them as they are drawn from ``seed``.
        task: ``"segmentation"`` or ``"classification"``; ``None`` takes what the data have and
            the model can do.
        attack: one of ``ATTACKS``; ``attacks.catalogue`` says what each is.
        server: ``"honest"`` follows the protocol and is curious; ``"malicious"`` may change the
            network before it hands it out; ``"eavesdropper"`` reads what passes on the wire and
            is told neither clipping norm nor noise.
        mask: ``"known"`` tells the attacker the masks, ``"unknown"`` does not.
        labels: ``"known"`` tells the labels, ``"inferred"`` leaves them to the gradient;
            ``None`` infers the label of one slice and tells those of a batch.
        public: slices that the attacker holds: ``"none"``; ``"others"``, those of other patients
            of the same set; ``"phantoms"``.
        batch: slices behind each site's gradient, 1 to 64.
        local_steps: gradient steps on the batch before the update is shared, 1 to 100.
        local_rate: learning rate of those steps, > 0.
        rounds: at how many weights, one after the other, the same slices are used, 1 to 16; each
            round's weights are those that the server makes of what was shared in the one before.
        sites: how many sites' gradients are added before the attacker sees their sum (secure
            aggregation), 1 to 64; each site's slices follow those of the one before, and the
            sites' noise adds up to that of the noise multiplier.
        defence: what is done to the gradient before it is shared, beside clipping and noise:
            ``"prune:0.1"`` keeps the largest tenth, ``"quantise:8"`` rounds to 8 bits, ``"sign"``
            shares signs; ``None`` nothing.
        seconds: time that the attack may take, restarts included, > 0.
        noise_multiplier: ``None`` shares the plain mean gradient, nothing clipped, nothing added;
            0 clips to ``max_grad_norm`` and adds nothing; above 0 is DP-SGD's gradient.
        max_grad_norm: L2 norm that each record's gradient is clipped to, > 0.
        delta: of the epsilon that stands beside the noise, in (0, 1).
        draws: how often noise is drawn and attacked anew, each ``seconds`` long and from other
            starting images, 1 to 20.
        restarts: attempts from different starting images, which share ``seconds``, 1 to 100.
        floor: whether the same attack is also made on a gradient that holds noise and no record;
            it takes as long again.
        bounds: whether bounds that must be computed (the Cramer-Rao estimate) are.
        seed: of weights, noise and starting images.
        surgery: whether layers that break per-record privacy may be replaced.

    Raises:
        BadInput: a value is out of its range.
    """

    image: str = "CT_small"
    index: int = 0
    size: int = 64
    model: str = "unet"
    activation: str | None = None
    normalisation: str | None = None
    trained: str | None = None
    task: Literal["segmentation", "classification"] | None = None
    attack: str = "two-stage"
    server: Literal["honest", "malicious", "eavesdropper"] = "honest"
    mask: Literal["known", "unknown"] = "known"
    labels: Literal["known", "inferred"] | None = None
    public: Literal["none", "others", "phantoms"] = "none"
    batch: int = 1
    local_steps: int = 1
    local_rate: float = 0.1
    rounds: int = 1
    sites: int = 1
    defence: str | None = None
    seconds: float = 15.0
    noise_multiplier: float | None = None
    max_grad_norm: float = 1.0
    delta: float = 1e-5
    draws: int = 1
    restarts: int = 1
    floor: bool = True
    bounds: bool = True
    seed: int = 0
    surgery: bool = True

    @property
    def releases(self) -> int:
        """Gradients that each slice takes part in, each with noise of its own."""
        return self.rounds * self.local_steps

    def __post_init__(self) -> None:
        check_choice("attack", self.attack, ATTACKS)
        for field, choices in _CHOICES.items():
            if getattr(self, field) is not None:
                check_choice(field, getattr(self, field), choices)
        if self.defence is not None:
            defence(self.defence)
        for field, interval in _RANGES.items():
            if getattr(self, field) is not None:
                check_range(field, getattr(self, field), interval)


_RANGES = {
    "index": "[0, inf)",
    "size": "[16, 512]",
    "batch": f"[1, {LARGEST_BATCH}]",
    "local_steps": "[1, 100]",
    "rounds": "[1, 16]",
    "sites": "[1, 64]",
    "draws": "[1, 20]",
    "restarts": "[1, 100]",
    "seed": "[0, inf)",
    "seconds": "(0, inf)",
    "local_rate": "(0, inf)",
    "noise_multiplier": "[0, inf)",
    "max_grad_norm": "(0, inf)",
    "delta": "(0, 1)",
}
_CHOICES = {
    "activation": ACTIVATIONS,
    "normalisation": NORMALISATIONS,
    "task": ("segmentation", "classification"),
    "server": SERVERS,
    "mask": ("known", "unknown"),
    "labels": ("known", "inferred"),
    "public": PUBLIC,
}
