from typing import Any

import pytest

from workbench.attacks.config import AttackConfig
from workbench.attacks.threat import labels_known, threat
from workbench.models.losses import Task


def sentence(task: Task = "segmentation", **settings: Any) -> str:
    return str(threat(AttackConfig(**settings), task))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["follows the protocol", "gradient of one slice", "neither clipped nor noised",
              "untrained weights", "and the mask."]),
        ({"batch": 4}, ["gradient of 4 slices", "the masks"]),
        ({"local_steps": 4}, ["update after 4 local steps on one slice"]),
        ({"rounds": 3}, ["in 3 rounds"]),
        ({"sites": 5, "batch": 2}, ["sum over 5 sites of the gradient of 2 slices each"]),
        ({"mask": "unknown"}, ["no mask"]),
        ({"mask": "unknown", "batch": 2}, ["batch size (the masks it looks for)"]),
        ({"noise_multiplier": 0.0}, ["clipped to norm 1, without noise", "clipping norm, noise"]),
        ({"noise_multiplier": 0.5}, ["noise multiplier 0.5", "clipping norm, noise and the mask"]),
        ({"defence": "quantise:4"}, ["rounded to 4 bits"]),
        ({"public": "others"}, ["holds slices of other patients"]),
        ({"public": "phantoms"}, ["holds synthetic slices"]),
        ({"trained": "train-1"}, ["network, trained weights"]),
        ({"server": "malicious", "attack": "imprint"},
         ["changes the network", "batch size", "synthetic slices to set its layer by"]),
        ({"server": "malicious", "attack": "imprint", "public": "others"},
         ["holds slices of other patients."]),
    ],
)  # fmt: skip
def test_the_sentence_says_what_the_attacker_holds(
    settings: dict[str, Any], words: list[str]
) -> None:
    said = sentence(**settings)
    assert all(each in said for each in words), said
    assert said.endswith(".")
    assert said.count(".") == 1 + said.count("0.5")


def test_who_reads_the_wire_is_told_neither_clipping_norm_nor_noise() -> None:
    said = sentence(server="eavesdropper", noise_multiplier=0.5)
    assert said.startswith("Somebody who reads what passes on the wire")
    assert "loss, clipping norm" not in said
    assert not threat(
        AttackConfig(server="eavesdropper", noise_multiplier=0.5), "segmentation"
    ).knows_mechanism


def test_an_honest_server_is_not_said_to_hold_slices_that_it_does_not() -> None:
    assert "holds slices" not in sentence()
    assert "synthetic" not in sentence()


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        ({}, False),
        ({"batch": 2}, True),
        ({"sites": 2}, True),
        ({"labels": "known"}, True),
        ({"labels": "inferred", "batch": 2}, False),
    ],
)
def test_a_lone_label_is_inferred_unless_the_config_says_otherwise(
    settings: dict[str, Any], known: bool
) -> None:
    config = AttackConfig(**settings)
    assert labels_known(config) == known
    assert ("infers" in sentence("classification", **settings)) != known
