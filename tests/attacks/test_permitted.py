from typing import Any

import pytest

from workbench.attacks.catalogue import METHODS
from workbench.attacks.config import ATTACKS, AttackConfig
from workbench.attacks.permitted import check_permitted
from workbench.errors import BadInput
from workbench.models.losses import Task

SUITED: dict[str, dict[str, Any]] = {
    "imprint": {"server": "malicious"},
    "learned-prior": {"public": "others"},
    "exact": {"size": 32},
}


def task_of(attack: str) -> Task:
    return METHODS[attack].tasks[0]


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_is_permitted_to_the_attacker_it_is_made_for(attack: str) -> None:
    config = AttackConfig(attack=attack, **SUITED.get(attack, {}))
    for task in METHODS[attack].tasks:
        check_permitted(config, task)


@pytest.mark.parametrize(
    ("settings", "task", "field", "words"),
    [
        ({"attack": "imprint"}, "segmentation", "server", "set the server to malicious"),
        ({"attack": "imprint", "server": "eavesdropper"}, "segmentation", "server", "eavesdropper"),
        ({"attack": "two-stage", "server": "malicious"}, "segmentation", "server", "imprint"),
        ({"attack": "idlg"}, "segmentation", "attack", "does not work on segmentation"),
        ({"attack": "lbfgs", "mask": "unknown"}, "segmentation", "mask", "know the masks"),
        ({"attack": "lbfgs", "labels": "inferred", "batch": 2}, "classification", "labels",
         "labels of several"),
        ({"attack": "lbfgs", "labels": "inferred", "sites": 2}, "classification", "labels",
         "labels of several"),
        ({"attack": "learned-prior"}, "segmentation", "public", "others or phantoms"),
        ({"attack": "analytic", "batch": 2}, "segmentation", "batch", "at most 1 slice "),
        ({"attack": "analytic", "sites": 2}, "segmentation", "sites", "there are 2"),
        ({"attack": "analytic", "local_steps": 4}, "segmentation", "local_steps", "4 local"),
        ({"attack": "exact", "size": 64}, "segmentation", "size", "up to 32 pixels"),
    ],
)  # fmt: skip
def test_what_the_threat_model_withholds_is_refused_in_one_sentence(
    settings: dict[str, Any], task: Task, field: str, words: str
) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        check_permitted(AttackConfig(**settings), task)
    assert refused.value.field == field
    assert settings["attack"] in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    "settings",
    [
        {"attack": "two-stage", "mask": "unknown"},
        {"attack": "two-stage", "labels": "inferred", "batch": 4},
        {"attack": "lbfgs", "labels": "inferred"},
        {"attack": "two-stage", "server": "eavesdropper", "local_steps": 4, "rounds": 2},
        {"attack": "imprint", "server": "malicious", "batch": 32, "mask": "unknown"},
    ],
)
def test_what_needs_nothing_of_it_is_not(settings: dict[str, Any]) -> None:
    check_permitted(AttackConfig(**settings), "classification")


def test_every_attack_that_a_malicious_server_needs_has_something_to_implant() -> None:
    for name, method in METHODS.items():
        assert (method.server == "malicious") == (method.implant is not None), name
