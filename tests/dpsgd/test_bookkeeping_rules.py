"""What every engine promises, and what the book-keeping engine promises beyond that."""

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_truth import bookkeeper, flat_gradient
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.dpsgd.bookkeeping import convolution, linear
from workbench.dpsgd.bookkeeping.probe import ProbeFailed
from workbench.dpsgd.bookkeeping.recorder import Strategy
from workbench.dpsgd.engine_names import ENGINES
from workbench.dpsgd.engines import make_engine
from workbench.dpsgd.gradients import GradientEngine
from workbench.dpsgd.noise import grid_of
from workbench.dpsgd.randomness import SeededStream
from workbench.errors import BadInput

C = 0.7
every_engine = pytest.mark.parametrize("name", ENGINES)


def network(dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1),
        nn.GroupNorm(2, 4),
        nn.ELU(),
        nn.Conv2d(4, 6, 3),
        nn.ELU(),
        nn.Flatten(),
        nn.Linear(24, 3),
    ).to(dtype)


def pictures(count: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((count, 1, 8, 8), generator=generator, dtype=dtype)


def losses_of(model: nn.Module, x: Tensor) -> Tensor:
    return F.cross_entropy(model(x), torch.arange(len(x)) % 3, reduction="none")


def made(name: str, model: nn.Module, *, noise: float = 0.0, seed: int = 0) -> GradientEngine:
    return make_engine(
        name,
        model,
        max_grad_norm=C,
        noise_multiplier=noise,
        expected_units=1.0,
        stream=SeededStream(seed),
    )


def step(engine: GradientEngine, losses: Tensor, units: np.ndarray | None = None) -> None:
    engine.accumulate(losses, np.arange(len(losses)) if units is None else units)
    engine.release()


# What every engine promises.


@every_engine
@given(scale=st.sampled_from([1e-6, 1.0, 1e6, 1e30]), seed=st.integers(0, 50))
@settings(max_examples=8, deadline=None)
def test_removing_a_unit_moves_the_sum_by_at_most_the_clipping_norm(
    name: str, scale: float, seed: int
) -> None:
    sums = []
    for count in (3, 2):
        model = network()
        engine = made(name, model)
        step(engine, scale * losses_of(engine.model, pictures(3, seed)[:count]))
        sums.append(flat_gradient(model))
    assert float((sums[0] - sums[1]).norm()) <= C * (1 + 1e-6)


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "opacus-ghost"])
def test_a_patient_with_many_slices_moves_it_no_further(name: str) -> None:
    model = network()
    engine = made(name, model)
    step(engine, 1e6 * losses_of(engine.model, pictures(5)), np.zeros(5))
    assert float(flat_gradient(model).norm()) == pytest.approx(C, rel=1e-6)


@every_engine
def test_with_one_seed_all_release_the_same_gradient(name: str) -> None:
    released = []
    for engine_name in ("bookkeeping", name):
        model = network(torch.float32)
        engine = made(engine_name, model, noise=1.3, seed=4)
        for _ in range(2):
            step(engine, losses_of(engine.model, pictures(4, dtype=torch.float32)))
        released.append(flat_gradient(model))
    assert torch.allclose(*released, atol=1e-5)


@every_engine
def test_an_empty_draw_releases_noise_alone(name: str) -> None:
    model = network()
    engine = made(name, model, noise=2.0)
    engine.release()
    assert float(flat_gradient(model).std()) == pytest.approx(2.0 * C, rel=0.1)
    engine.accumulate(torch.zeros(0, requires_grad=True), np.zeros(0, dtype=int))
    engine.release()


@every_engine
def test_chunks_add_up_to_the_whole_draw(name: str) -> None:
    released = []
    for chunks in ([slice(0, 5)], [slice(0, 2), slice(2, 5)]):
        model = network()
        engine = made(name, model, noise=1.0)
        losses = [losses_of(engine.model, pictures(5))] if len(chunks) == 1 else None
        for chunk in chunks:
            part = losses[0] if losses else _some(engine.model, chunk)
            engine.accumulate(part, np.arange(5)[chunk])
        engine.release()
        released.append(flat_gradient(model))
    assert torch.allclose(*released, atol=1e-9)


def _some(model: nn.Module, chunk: slice) -> Tensor:
    targets = torch.arange(5)[chunk] % 3
    return F.cross_entropy(model(pictures(5)[chunk]), targets, reduction="none")


@pytest.mark.parametrize("name", [name for name in ENGINES if name != "opacus-ghost"])
@pytest.mark.parametrize("spoiled", [torch.nan, torch.inf])
def test_a_record_without_a_finite_gradient_counts_as_nothing(name: str, spoiled: float) -> None:
    x = pictures(3)
    x[1, 0, 2, 2] = spoiled
    released = []
    for keep in (torch.tensor([0, 1, 2]), torch.tensor([0, 2])):
        model = network()
        engine = made(name, model)
        losses = F.cross_entropy(engine.model(x[keep]), keep % 3, reduction="none")
        step(engine, losses)
        released.append(flat_gradient(model))
    assert torch.allclose(*released, atol=1e-9)


def test_ghost_clipping_of_opacus_says_what_it_cannot_do() -> None:
    x = pictures(3)
    x[1] = torch.nan
    engine = made("opacus-ghost", network())
    with pytest.raises(BadInput, match="cannot leave out a record whose gradient is not a number"):
        engine.accumulate(losses_of(engine.model, x), np.arange(3))
    engine = made("opacus-ghost", network())
    with pytest.raises(BadInput, match="no units with several records"):
        engine.accumulate(losses_of(engine.model, pictures(3)), np.array([0, 0, 1]))


@pytest.mark.parametrize("name", ["opacus", "opacus-ghost"])
def test_opacus_is_not_given_paddings_that_it_gets_wrong(name: str) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"))
    with pytest.raises(BadInput, match="Layer 0 pads with reflect"):
        made(name, model)


@pytest.mark.parametrize(
    ("name", "layer"), [("opacus-ew", nn.PReLU()), ("opacus", nn.ReLU(inplace=True))], ids=str
)
def test_what_opacus_cannot_train_is_said_in_one_sentence(name: str, layer: nn.Module) -> None:
    model = nn.Sequential(nn.Linear(4, 4), layer, nn.Linear(4, 2))
    engine = made(name, model)
    with pytest.raises(BadInput, match="cannot train this network .* choose the engine"):
        step(engine, engine.model(torch.rand(3, 4)).sum(1))


def test_several_processes_and_unknown_engines_are_refused_in_words() -> None:
    settings_ = {"max_grad_norm": C, "noise_multiplier": 1.0, "expected_units": 1.0}
    stream = SeededStream(0)
    with pytest.raises(BadInput, match="runs in one process only"):
        make_engine("opacus", network(), stream=stream, reduce=lambda flat: None, **settings_)
    with pytest.raises(BadInput, match="Engine must be bookkeeping or"):
        make_engine("fast", network(), stream=stream, **settings_)


@every_engine
def test_every_engine_says_what_it_does_with_every_layer(name: str) -> None:
    engine = made(name, network())
    notes = engine.describe()
    assert [note.layer for note in notes] == ["0", "1", "3", "6"]
    assert sum(note.parameters for note in notes) == 345
    assert all(note.rule and note.type in str(note) for note in notes)


@every_engine
def test_detaching_gives_the_network_back_as_it_was(name: str) -> None:
    model = network()
    before = set(model.state_dict())
    engine = made(name, model)
    step(engine, losses_of(engine.model, pictures(2)))
    engine.detach()
    assert set(model.state_dict()) == before
    assert all("forward" not in layer.__dict__ for layer in model.modules())
    assert not any(layer._forward_hooks or layer._backward_hooks for layer in model.modules())
    pickle.loads(pickle.dumps(copy.deepcopy(model)))
    model.zero_grad()
    losses_of(model, pictures(2)).sum().backward()
    assert float(flat_gradient(model).norm()) > 0


# What the book-keeping engine promises beyond that: exactness.


@pytest.mark.parametrize("strategy", ["instantiate", "ghost"])
@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6, 1e15])
def test_rounding_in_float32_exceeds_the_bound_by_less_than_a_millionth(
    strategy: Strategy, scale: float
) -> None:
    for seed in range(10):
        model = network(torch.float32)
        engine = bookkeeper(model, C, strategy=strategy)
        step(engine, scale * losses_of(model, pictures(1, seed, torch.float32)))
        assert float(flat_gradient(model).double().norm()) <= C * (1 + 1e-6)


@pytest.mark.parametrize("strategy", ["instantiate", "ghost"])
def test_gradients_that_cancel_do_not_hide_behind_rounding(strategy: Strategy) -> None:
    model = nn.Sequential(nn.Linear(8, 8, bias=False))
    x = torch.ones(1, 512, 8)
    sign = torch.ones(512).index_fill_(0, torch.arange(0, 512, 2), -1.0)
    engine = bookkeeper(model, C, strategy=strategy, probe_every=0)
    # Every place pulls a million times harder than all of them together.
    pull = 1e6 * sign + torch.rand(512, generator=torch.Generator().manual_seed(0))
    step(engine, (model(x).sum(2) * pull).sum(1))
    assert float(flat_gradient(model).double().norm()) <= C * (1 + 1e-6)


@given(std=st.floats(0.1, 10.0), seed=st.integers(0, 100))
@settings(max_examples=10, deadline=None)
def test_what_is_released_lies_on_the_public_grid(std: float, seed: int) -> None:
    model = network(torch.float32)
    engine = made("bookkeeping", model, noise=std / C, seed=seed)
    step(engine, losses_of(model, pictures(3, dtype=torch.float32)))
    steps = flat_gradient(model).double() / grid_of((std / C) * C)
    assert torch.equal(steps, steps.round())


def test_sums_of_several_processes_are_added_before_they_are_rounded() -> None:
    released = []
    for times in (1, 3):
        model = network(torch.float32)
        engine = make_engine(
            "bookkeeping",
            model,
            max_grad_norm=C,
            noise_multiplier=1.0,
            expected_units=2.0,
            stream=SeededStream(0),
            reduce=lambda flat, times=times: flat.mul_(times),
        )
        step(engine, losses_of(model, pictures(3, dtype=torch.float32)))
        released.append(flat_gradient(model) * 2)
    steps = released[1].double() / grid_of(C)
    assert torch.equal(steps, steps.round())
    assert torch.allclose(released[1], 3 * released[0], atol=1e-5)


# The probe.


def test_the_probe_does_not_disturb_the_result() -> None:
    released = []
    for probe_every in (0, 1):
        model = network()
        engine = bookkeeper(model, C, noise_multiplier=1.0, probe_every=probe_every)
        for seed in range(3):
            step(engine, losses_of(model, pictures(4, seed)), np.array([0, 1, 1, 2]))
        released.append(flat_gradient(model))
    assert torch.equal(*released)


def _halved(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda *args: function(*args) / 2


@pytest.mark.parametrize(
    ("module", "function", "strategy", "layer"),
    [
        (linear, "_rows", "instantiate", "6"),
        (linear, "_squares", "ghost", "6"),
        (convolution, "by_patches", "instantiate", "0"),
        (convolution, "ghost_norms", "ghost", "3"),
        (convolution, "weight_gradient", "ghost", "3"),
    ],
)
def test_the_probe_catches_a_wrong_rule_and_names_the_layer(
    module: object, function: str, strategy: Strategy, layer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, function, _halved(getattr(module, function)))
    engine = bookkeeper(network(), C, strategy=strategy)
    with pytest.raises(ProbeFailed, match=rf"they differ most in layer {layer}"):
        step(engine, losses_of(engine.model, pictures(3)))


def test_the_probe_comes_back_every_so_many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    engine = bookkeeper(model, C, strategy="ghost", probe_every=3)
    step(engine, losses_of(model, pictures(3)))
    monkeypatch.setattr(linear, "_squares", _halved(linear._squares))
    for _ in range(2):
        step(engine, losses_of(model, pictures(3)))
    with pytest.raises(ProbeFailed, match="so no step is taken"):
        step(engine, losses_of(model, pictures(3)))


class _Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


def test_the_probe_notices_layers_that_mix_records() -> None:
    model = nn.Sequential(nn.Linear(4, 4), _Centred(), nn.Linear(4, 2))
    engine = bookkeeper(model, C)
    with pytest.raises(ProbeFailed, match="some layer mixes records"):
        step(engine, engine.model(torch.rand(3, 4)).square().sum(1))


# Networks as people write them.


class _InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.InstanceNorm2d(4, affine=True)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.group = nn.GroupNorm(2, 4)
        self.slope = nn.PReLU()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.norm(self.first(x)))
        out = self.group(self.second(x))
        out += x
        out = self.slope(F.relu_(out)).mul_(2)
        out = self.head(out.mean((2, 3)))
        return out.add_(1)


def test_operations_in_place_and_residual_sums_stay_allowed() -> None:
    torch.manual_seed(0)
    model = _InPlace().double()
    plain = copy.deepcopy(model)
    engine = bookkeeper(model, 1e9)
    step(engine, losses_of(model, pictures(3)))
    losses_of(plain, pictures(3)).sum().backward()
    assert torch.allclose(flat_gradient(model), flat_gradient(plain), atol=1e-12)


@pytest.mark.parametrize("moment", ["before", "after forward", "after accumulate", "never"])
@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_may_come_at_any_moment(moment: str, set_to_none: bool) -> None:
    model = network()
    engine = bookkeeper(model, C, noise_multiplier=1.0)
    released = []
    for seed in range(3):
        for when in ("before", "after forward", "after accumulate"):
            if when == "after forward":
                losses = losses_of(model, pictures(3, seed))
            if when == "after accumulate":
                engine.accumulate(losses, np.arange(3))
            if when == moment:
                model.zero_grad(set_to_none=set_to_none)
        engine.release()
        released.append(flat_gradient(model))
    calm = network()
    other = bookkeeper(calm, C, noise_multiplier=1.0)
    for seed in range(3):
        calm.zero_grad()
        step(other, losses_of(calm, pictures(3, seed)))
        assert torch.equal(released[seed], flat_gradient(calm))


def test_a_released_gradient_stays_while_the_next_noise_is_drawn() -> None:
    model = network()
    engine = bookkeeper(model, C, noise_multiplier=1.0)
    step(engine, losses_of(model, pictures(3)))
    seen = flat_gradient(model)
    losses = losses_of(model, pictures(3))
    assert torch.equal(flat_gradient(model), seen)
    engine.accumulate(losses, np.arange(3))
    assert torch.equal(flat_gradient(model), seen)


def test_in_evaluation_the_network_is_as_it_was() -> None:
    model, x = network(), pictures(3)
    plain = copy.deepcopy(model).eval()
    engine = bookkeeper(model, C)
    model.eval()
    losses_of(model, x).sum().backward()
    losses_of(plain, x).sum().backward()
    assert torch.equal(flat_gradient(model), flat_gradient(plain))
    with torch.no_grad():
        assert torch.equal(model(x), plain(x))
    with pytest.raises(BadInput, match="no forward pass of the network in training mode"):
        engine.accumulate(losses_of(model, x), np.arange(3))


def test_a_copy_of_a_network_in_training_is_an_ordinary_network() -> None:
    model = network()
    engine = bookkeeper(model, C)
    twin = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    step(engine, losses_of(model, pictures(3)))
    losses_of(twin, pictures(3)).sum().backward()
    plain = network()
    losses_of(plain, pictures(3)).sum().backward()
    assert torch.equal(flat_gradient(twin), flat_gradient(plain))


def test_bf16_autocast_clips_to_the_bound_with_norms_in_float32() -> None:
    model = network(torch.float32)
    exact = bookkeeper(copy.deepcopy(model), C)
    engine = bookkeeper(model, C, probe_every=1)
    x = pictures(4, dtype=torch.float32)
    step(exact, losses_of(exact.model, x))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = losses_of(model, x)
        engine.accumulate(losses, np.arange(4))
    engine.release()
    assert torch.allclose(engine.last_norms, exact.last_norms, rtol=0.05)
    step(engine, 1e6 * losses_of(model, x[:1]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        step(engine, 1e6 * losses_of(model, x[:1]))
    assert flat_gradient(model).dtype == torch.float32
    assert float(flat_gradient(model).double().norm()) <= C * (1 + 1e-6)


# Bad input.


def test_a_layer_in_evaluation_mode_while_the_network_trains_is_named() -> None:
    model = network()
    model[1].eval()
    engine = bookkeeper(model, C)
    with pytest.raises(BadInput, match="parameter 1.* its layer is in evaluation mode"):
        step(engine, losses_of(model, pictures(3)))
    assert model[1].weight.grad is None, "no raw gradient may stay"


def test_a_parameter_that_nothing_uses_is_named() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)

    model = Spare()
    engine = bookkeeper(model, C)
    engine.release()  # an empty draw says nothing about it
    engine.accumulate(model(torch.rand(3, 4)).sum(1), np.arange(3))
    with pytest.raises(BadInput, match="No gradient reaches parameter spare.weight") as caught:
        engine.release()
    assert caught.value.field == "model"


def test_layers_that_do_not_see_one_record_per_loss_are_named() -> None:
    model = nn.Sequential(nn.Flatten(0, 1), nn.Linear(4, 2))
    engine = bookkeeper(model, C)
    losses = engine.model(torch.rand(3, 2, 4)).view(3, -1).sum(1)
    with pytest.raises(BadInput, match="Layer 1 got 6 records where the chunk has 3 losses"):
        engine.accumulate(losses, np.arange(3))
    unbatched = nn.Sequential(nn.Conv2d(1, 2, 3))
    engine = bookkeeper(unbatched, C)
    with pytest.raises(BadInput, match="without a batch in front"):
        unbatched(torch.rand(1, 8, 8))


def test_losses_and_units_must_be_as_many() -> None:
    engine = bookkeeper(network(), C)
    with pytest.raises(BadInput, match="give one loss per record"):
        engine.accumulate(losses_of(engine.model, pictures(3)), np.arange(2))
    with pytest.raises(BadInput, match="give one loss per record"):
        engine.accumulate(losses_of(engine.model, pictures(3)).sum()[None, None], np.arange(1))


def test_losses_without_a_graph_are_refused() -> None:
    engine = bookkeeper(network(), C)
    with torch.no_grad():
        losses = losses_of(engine.model, pictures(3))
    with pytest.raises(BadInput, match="lead back to no parameter"):
        engine.accumulate(losses, np.arange(3))


@pytest.mark.parametrize(("first", "how"), [(True, "frozen"), (False, "unfrozen")])
def test_freezing_and_unfreezing_need_a_new_engine(first: bool, how: str) -> None:
    model = network()
    model[3].weight.requires_grad_(first)
    engine = bookkeeper(model, C)
    step(engine, losses_of(model, pictures(2)))
    model[3].weight.requires_grad_(not first)
    with pytest.raises(BadInput, match=f"Parameter 3.weight was {how} after the engine was made"):
        losses_of(model, pictures(2))


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (nn.BatchNorm1d(4), "mixes the records of a batch"),
        (nn.InstanceNorm1d(4, affine=True, track_running_stats=True), "keeps running statistics"),
        (nn.LSTM(4, 4), "take Opacus' DPLSTM"),
    ],
    ids=["BatchNorm", "InstanceNorm", "LSTM"],
)
def test_layers_that_no_rule_can_serve_are_refused(layer: nn.Module, why: str) -> None:
    with pytest.raises(BadInput, match=f"Layer 1 .* cannot be trained record by record: .*{why}"):
        bookkeeper(nn.Sequential(nn.Linear(4, 4), layer), C)


def test_layers_that_draw_random_numbers_inside_are_refused() -> None:
    model = nn.TransformerEncoderLayer(8, 2, 8, dropout=0.1, batch_first=True)
    engine = bookkeeper(model, C)
    with pytest.raises(BadInput, match="Layer self_attn .* cannot be computed record by record"):
        step(engine, engine.model(torch.rand(3, 5, 8)).flatten(1).sum(1))


@pytest.mark.parametrize("option", ["max_grad_norm", "expected_units"])
def test_numbers_that_make_no_sense_are_refused(option: str) -> None:
    numbers = {"max_grad_norm": 1.0, "noise_multiplier": 1.0, "expected_units": 1.0}
    with pytest.raises(BadInput, match="must be above 0"):
        make_engine("bookkeeping", network(), stream=SeededStream(0), **(numbers | {option: 0.0}))
