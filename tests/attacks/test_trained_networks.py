from dataclasses import replace

import pytest
import torch
from attack_cases import end

from workbench.attacks.case import Case, make_case, slices_of
from workbench.attacks.config import AttackConfig
from workbench.attacks.run import observed
from workbench.attacks.threat import threat
from workbench.errors import BadInput
from workbench.models.weights import trained_run
from workbench.runs.configs import config_to_json
from workbench.runs.inline import drive
from workbench.runs.store import Store
from workbench.training.config import TrainConfig

WORK = "workbench.training.loop:work"


def trained(data: str, *, steps: int = 2, model: str = "unet-small") -> str:
    config = TrainConfig(data=data, steps=steps, model=model, sample_rate=0.3)
    store = Store()
    run = store.open("train", config_to_json(config))
    *_, _ = drive(WORK, config_to_json(config), run=run, store=store)
    return run


def case_of(config: AttackConfig) -> Case:
    return make_case(config, end(slices_of(config)))


def test_a_trained_network_has_the_weights_of_its_run(discs: str) -> None:
    run = trained(discs)
    config = AttackConfig(image=discs, size=32, model="unet-small", trained=run)
    seen = observed(config, case_of(config))
    _, weights = trained_run(run)
    assert all(torch.equal(seen.parameters[name], weights[name]) for name in seen.parameters)
    drawn = case_of(replace(config, trained=None)).network.state_dict()
    assert not all(torch.equal(seen.parameters[name], drawn[name]) for name in seen.parameters)
    assert "trained weights" in str(threat(config, "segmentation"))
    assert "untrained weights" in str(threat(replace(config, trained=None), "segmentation"))


def test_a_network_of_another_size_or_kind_is_refused_in_one_sentence(discs: str) -> None:
    run = trained(discs, model="mlp")
    fits = AttackConfig(image=discs, size=32, model="mlp", trained=run)
    case_of(fits)
    for change, field, words in (
        ({"size": 16}, "trained", "do not fit"),
        ({"model": "unet-small"}, "trained", "trained mlp, not unet-small"),
        ({"activation": "silu"}, "activation", "leave activation out"),
        ({"trained": "train-20260101-000000-abcdef"}, "trained", "There is no run"),
    ):
        with pytest.raises(BadInput, match=words) as refused:
            case_of(replace(fits, **change))
        assert refused.value.field == field
        assert "\n" not in refused.value.message


def test_a_run_that_is_no_finished_training_is_refused(discs: str) -> None:
    store = Store()
    attack = store.open("attack", {})
    waiting = store.open("train", config_to_json(TrainConfig(data=discs, model="mlp")))
    for run in (attack, waiting):
        with pytest.raises(BadInput, match="not a finished training"):
            case_of(AttackConfig(image=discs, size=32, model="mlp", trained=run))
