"""The folded sections on the left: network, attacker, sharing, and what is rarely needed."""

from __future__ import annotations

from typing import Any, Final

from workbench.attacks.config import NORMALISATIONS
from workbench.panels.attack_bound_fields import NONE, choice, number, titled
from workbench.panels.attack_model import AttackModel
from workbench.panels.attack_networks import NETWORKS
from workbench.panels.attack_trained import finished_trainings
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, Toggle
from workbench.panels.parts.words import More

ACTIVATION_WORDS: Final = {
    "elu": "ELU (smooth)", "silu": "SiLU (smooth)", "gelu": "GELU (smooth)",
    "tanh": "tanh (smooth)", "sigmoid": "sigmoid (smooth)", "relu": "ReLU (kinks)",
    "leaky-relu": "leaky ReLU (kinks)", "prelu": "PReLU (kinks)",
}  # fmt: skip
_SERVERS: Final = {
    "honest": "a curious server",
    "malicious": "a malicious server",
    "eavesdropper": "an eavesdropper",
}
_BRIEFLY: Final = {"malicious": "malicious server", "eavesdropper": "on the wire"}
_PUBLIC: Final = {
    "none": "no other slices",
    "others": "slices of other patients of the set",
    "phantoms": "synthetic slices",
}
_DEFENCES: Final = {
    NONE: "none but clipping and noise",
    "prune:0.1": "keep the largest tenth",
    "prune:0.01": "keep the largest hundredth",
    "quantise:8": "round to 8 bits",
    "quantise:4": "round to 4 bits",
    "sign": "share signs alone",
}
_UNTRAINED: Final = "untrained, drawn from the seed"


def network_fold(model: AttackModel) -> More:
    """Layers and weights of the network."""
    own = {NONE: "the network's own"}
    activation = choice(model, "Activation", "activation", {**own, **ACTIVATION_WORDS})
    norms = {name: name for name in NORMALISATIONS}
    normalisation = choice(model, "Normalisation", "normalisation", {**own, **norms})

    def words() -> str:
        layers = ACTIVATION_WORDS.get(model.activation or "", "own layers").partition(" (")[0]
        return f"Network: {layers}, {'trained' if model.trained else 'untrained'}"

    fold = More([activation, normalisation, _weights(model)])
    return titled(model, fold, ["activation", "trained"], words)


def _weights(model: AttackModel) -> Choice:
    """The finished trainings of the chosen network, looked up when the network changes."""

    def options() -> dict[str, str]:
        found = {one.run: str(one) for one in finished_trainings(model.model)}
        own = {} if not model.trained or model.trained in found else {model.trained: model.trained}
        return {NONE: _UNTRAINED, **found, **own}

    field = Choice("Weights", options())

    def offer(_change: Any = None) -> None:
        offered = options()
        field.offer(offered, model.trained or NONE)
        field.help = "" if len(offered) > 1 else "no finished training of this network here"

    def known(run: str | None) -> str:
        if (run or NONE) not in [name for name, _ in field.options]:
            field.offer(options())
        return run or NONE

    bind_field(field, model, "trained", to_model=lambda run: run or None, to_control=known)
    offer()
    model.observe(model.guard(offer), ["model", "status"])
    return field


def attacker_fold(model: AttackModel) -> More:
    """Who attacks, and what they know."""
    server = choice(model, "Who", "server", _SERVERS)
    mask = choice(model, "Masks", "mask", {"known": "known", "unknown": "unknown: looks for them"})
    labels = choice(
        model, "Labels", "labels",
        {NONE: "inferred for one slice, else known", "known": "known", "inferred": "inferred"},
    )  # fmt: skip
    public = choice(model, "Holds", "public", _PUBLIC)

    def segments() -> bool:
        network = NETWORKS.get(model.model)
        return (model.task or (network.task if network else "segmentation")) == "segmentation"

    def only_what_fits(_change: Any = None) -> None:
        mask.layout.display = "" if segments() else "none"
        labels.layout.display = "none" if segments() else ""

    def words() -> str:
        what = f"mask {model.mask}" if segments() else f"labels {model.labels or 'as usual'}"
        return f"Attacker: {what if model.server == 'honest' else _BRIEFLY.get(model.server)}"

    only_what_fits()
    model.observe(only_what_fits, ["model", "task"])
    fold = More([server, mask, labels, public])
    return titled(model, fold, ["server", "mask", "labels", "model", "task"], words)


def sharing_fold(model: AttackModel) -> More:
    """What is done before anything is shared, and how often."""
    fold = More(
        [
            choice(model, "Defence", "defence", _DEFENCES,
                   help="none of them comes with a guarantee"),
            number(model, "Local steps", "local_steps", 1, 100,
                   help="above 1, their update is shared instead of a gradient"),
            number(model, "Local rate", "local_rate", 1e-4, 10, whole=False),
            number(model, "Rounds", "rounds", 1, 16, help="the same slices, at other weights"),
            number(model, "Sites in the sum", "sites", 1, 64,
                   help="secure aggregation shows their sum alone"),
            number(model, "Clipping norm", "max_grad_norm", 1e-3, 1e3, whole=False),
        ]
    )  # fmt: skip

    def words() -> str:
        steps = model.local_steps
        what = "one gradient" if steps == 1 else f"update of {steps} steps"
        sites = "" if model.sites == 1 else f", {model.sites} sites"
        return f"Sharing: {what}{sites}{', ' + model.defence if model.defence else ''}"

    return titled(model, fold, ["local_steps", "sites", "defence"], words)


def more_fold(model: AttackModel) -> More:
    """What is rarely needed."""
    return More(
        [
            number(model, "Side of the slice", "size", 16, 512, unit="pixels"),
            number(model, "Attempts", "restarts", 1, 100,
                   help="they share the time; the attacker picks one by what it sees"),
            number(model, "Draws of noise", "draws", 1, 20,
                   help="each is attacked for the whole time"),
            number(model, "Seed", "seed", 0, 2**31 - 1, help="of weights, noise and start"),
            bind_field(Toggle("Attack pure noise as well", help="the floor: what the attack makes "
                              "of no information at all; takes as long again"), model, "floor"),
            bind_field(Toggle("Compute the Cramér–Rao bound", help="an estimate that takes some "
                              "seconds"), model, "bounds"),
            number(model, "Time in the row", "row_seconds", 1, 120, unit="s each", whole=False),
        ]
    )  # fmt: skip
