"""The attacks as the panel offers them: their words, and which of them can be carried out."""

from __future__ import annotations

from typing import Final

from workbench.attacks.catalogue import METHODS
from workbench.attacks.config import AttackConfig
from workbench.attacks.permitted import check_permitted
from workbench.panels.attack_networks import NETWORKS, Task

WORDS: Final = {
    "two-stage": "two-stage: search for it",
    "analytic": "analytic: read it off a layer",
    "recursive": "recursive: layer by layer",
    "imprint": "imprint: change the network",
    "learned-prior": "learned prior: search, denoise",
    "noisy": "noisy: search through noise",
    "exact": "exact: last digit, small slices",
    "inverting-gradients": "Inverting Gradients (2020)",
    "dlg": "DLG (2019)",
    "idlg": "iDLG (2020)",
    "lbfgs": "plain L-BFGS",
}
"""The catalogue's names in a few words; ``tests/panels/test_attack_methods.py`` holds them
against it."""


def task_of(config: AttackConfig) -> Task:
    """What the network does, as far as that is known without its slices."""
    network = NETWORKS.get(config.model)
    return config.task or (network.task if network else "segmentation")


def attacks_offered(model: str, task: Task | None = None) -> dict[str, str]:
    """Names and words of the attacks that fit a network.

    Args:
        model: a name of the catalogue; of a person's own model nothing is known, so all fit.
        task: where it was chosen; ``None`` takes what the network does first.
    """
    network = NETWORKS.get(model)
    does = task or (network.task if network else None)
    first = network is None or network.linear_first
    return {
        name: words
        for name, words in WORDS.items()
        if (does is None or does in METHODS[name].tasks) and (first or name != "analytic")
    }


def check_method(config: AttackConfig) -> None:
    """Refuse an attack that the attacker who is chosen cannot carry out.

    What a person's own network does is not known before it is built; the attack itself checks it.

    Raises:
        BadInput: the sentence says what the attack needs.
    """
    if config.model in NETWORKS:
        check_permitted(config, task_of(config))
