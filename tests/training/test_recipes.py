"""What makes private training better: averages, schedules, standardised filters, a head start."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from workbench.accounting.ledger.ledger import Ledger
from workbench.errors import BadInput
from workbench.models.weights import trained_run, weights_of
from workbench.runs.attempt import Attempt
from workbench.runs.configs import config_to_json
from workbench.runs.events import Checkpointed, Finished
from workbench.runs.inline import drive
from workbench.runs.store import Store
from workbench.training.averaging import WeightAverage
from workbench.training.config import PrivacyConfig, TrainConfig
from workbench.training.loop import train

PRIVATE = PrivacyConfig(noise_multiplier=1.0, delta=1e-2, unit="slice", noise="seeded")


@pytest.fixture
def public(tmp_path: Path) -> str:
    """Bright squares of other people."""
    generator = np.random.default_rng(7)
    images = generator.uniform(0, 0.2, (24, 32, 32)).astype(np.float32)
    masks = np.zeros((24, 32, 32), dtype=np.uint8)
    for image, mask in zip(images, masks, strict=True):
        row, column = generator.integers(2, 20, 2)
        mask[row : row + 9, column : column + 9] = 1
        image += 0.6 * mask
    path = tmp_path / "squares.npz"
    np.savez(path, images=images, masks=masks, patient=np.repeat(np.arange(6), 4))
    return str(path)


def config(data: str, **changes: Any) -> TrainConfig:
    base = TrainConfig(data=data, steps=4, sample_rate=0.2, learning_rate=1e-2)
    return replace(base, **changes)


def recorded(settings: TrainConfig) -> str:
    store = Store()
    values = config_to_json(settings)
    run = store.open("train", values)
    *_, last = drive("workbench.training.loop:work", values, run=run, store=store)
    assert isinstance(last, Finished), last
    return run


def checkpoints(settings: TrainConfig, workspace: Path) -> Checkpointed:
    return [event for event in train(settings) if isinstance(event, Checkpointed)][-1]


def test_the_average_is_the_one_of_the_textbook() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    average = WeightAverage(model, 0.9)
    expected = model.weight.detach().clone()
    for step in range(1, 60):
        with torch.no_grad():
            model.weight.add_(torch.randn_like(model.weight))
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
    torch.testing.assert_close(average.state()["weight"], expected)


def test_what_is_kept_and_validated_is_the_average(discs: str, workspace: Path) -> None:
    saved = checkpoints(config(discs, ema_decay=0.9), workspace)
    kept, raw = weights_of(saved), saved.tensors
    assert any(not np.allclose(kept[name], raw[f"model/{name}"]) for name in kept)


def test_a_resumed_run_goes_on_with_its_average_bit_for_bit(
    discs: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.training.loop._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    settings = config(discs, ema_decay=0.9, weight_standardisation=True, privacy=PRIVATE)
    saved = [event for event in train(settings) if isinstance(event, Checkpointed)]
    second = next(one for one in saved if one.step == 2)
    rest = train(settings, Attempt(run="again", home=workspace, checkpoint=second))
    last = [event for event in rest if isinstance(event, Checkpointed)][-1]
    assert last.tensors.keys() == saved[-1].tensors.keys()
    for name, tensor in saved[-1].tensors.items():
        np.testing.assert_array_equal(tensor, last.tensors[name])


def test_a_constant_rate_moves_further_than_a_falling_one(discs: str, workspace: Path) -> None:
    last = {
        schedule: weights_of(
            checkpoints(config(discs, schedule=schedule, optimizer="sgd"), workspace)
        )
        for schedule in ("constant", "cosine")
    }
    assert any(not torch.equal(last["constant"][n], last["cosine"][n]) for n in last["cosine"])


def test_fine_tuning_begins_where_the_other_run_ended_and_moves_the_head_alone(
    discs: str, public: str, workspace: Path
) -> None:
    first = recorded(config(public, steps=2))
    _, start = trained_run(first)
    settings = config(discs, pretrained=first, trainable="head", privacy=PRIVATE)
    second = recorded(settings)
    _, end = trained_run(second)
    moved = [name for name in start if not torch.equal(start[name], end[name])]
    assert moved == list(start)[-2:]
    record = Store().record(second)
    assert record.guarantee is not None


def test_starting_weights_are_assumed_public_and_said_so(
    discs: str, public: str, workspace: Path
) -> None:
    first = recorded(config(public, steps=2))
    secret = replace(PRIVATE, noise="secure")
    run = recorded(config(discs, pretrained=first, privacy=secret))
    sentence = Store().record(run).result["guarantee"]  # type: ignore[index]
    assert first in sentence
    assert "starting weights" in sentence


def test_weights_of_the_same_slices_without_protection_are_refused(
    discs: str, workspace: Path
) -> None:
    unprotected = recorded(config(discs))
    with pytest.raises(BadInput, match="trained on the same slices without protection") as refused:
        list(train(config(discs, pretrained=unprotected, privacy=PRIVATE)))
    assert refused.value.field == "pretrained"


def test_private_weights_of_the_same_slices_add_up_in_the_ledger(
    discs: str, workspace: Path
) -> None:
    secret = replace(PRIVATE, noise="secure")
    first = recorded(config(discs, privacy=secret))
    second = recorded(config(discs, privacy=secret, pretrained=first))
    ledger = Ledger(workspace)
    (account,) = ledger.accounts()
    assert {charge.run for charge in ledger.charges(account.name)} == {first, second}


@pytest.mark.parametrize("run", ["nobody-knows", None])
def test_a_start_that_cannot_be_is_refused(
    run: str | None, discs: str, public: str, workspace: Path
) -> None:
    run = run or recorded(config(public, model="unet-batchnorm", steps=1))
    with pytest.raises(BadInput) as refused:
        list(train(config(discs, pretrained=run)))
    assert refused.value.field == "pretrained"
