"""Code written for Opacus runs unchanged with our ``PrivacyEngine``, and gets the same numbers."""

import copy
import io
from collections.abc import Callable
from typing import Any

import opacus
import pytest
import torch
from opacus.schedulers import ExponentialGradClip, ExponentialNoise
from opacus.utils.batch_memory_manager import BatchMemoryManager
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from workbench.dpsgd.bookkeeping.tap import Tap
from workbench.dpsgd.noise import grid_of
from workbench.dpsgd.opacus_citizen import PrivacyEngine
from workbench.errors import BadInput

pytestmark = pytest.mark.filterwarnings(
    "ignore:Secure RNG turned off", "ignore:Full backward hook", "ignore:Optimal order"
)

SCRIPT = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from opacus import PrivacyEngine
from opacus.utils.batch_memory_manager import BatchMemoryManager

torch.manual_seed(3)
pictures, labels = torch.rand(60, 1, 8, 8), torch.randint(0, 3, (60,))
train_loader = DataLoader(TensorDataset(pictures, labels), batch_size=12)

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 8, 3, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
criterion = nn.CrossEntropyLoss()

privacy_engine = PrivacyEngine(accountant="rdp")
model, optimizer, train_loader = privacy_engine.make_private(
    module=model,
    optimizer=optimizer,
    data_loader=train_loader,
    noise_multiplier=1.1,
    max_grad_norm=0.5,
)
for epoch in range(2):
    with BatchMemoryManager(
        data_loader=train_loader, max_physical_batch_size=5, optimizer=optimizer
    ) as memory_safe_data_loader:
        for images, target in memory_safe_data_loader:
            optimizer.zero_grad()
            output = model(images)
            loss = criterion(output, target)
            loss.backward()
            optimizer.step()
epsilon = privacy_engine.get_epsilon(delta=1e-3)
weights = torch.cat([p.detach().flatten() for p in model.parameters()])
keys = list(model.state_dict())
steps = len(privacy_engine.accountant)
"""


def test_a_script_written_for_opacus_runs_unchanged_but_for_one_import() -> None:
    theirs: dict[str, Any] = {}
    ours: dict[str, Any] = {}
    exec(SCRIPT, theirs)
    changed = SCRIPT.replace(
        "from opacus import PrivacyEngine",
        "from workbench.dpsgd.opacus_citizen import PrivacyEngine",
    )
    exec(changed, ours)
    assert type(ours["optimizer"]).__name__ == "BookkeepingOptimizer"
    assert torch.allclose(ours["weights"], theirs["weights"], atol=1e-6)
    for same in ("epsilon", "keys", "steps"):
        assert ours[same] == theirs[same]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 2)
    ).double()


def records(count: int = 40) -> TensorDataset:
    generator = torch.Generator().manual_seed(5)
    images = torch.rand((count, 1, 8, 8), generator=generator, dtype=torch.float64)
    return TensorDataset(images, torch.arange(count) % 2)


class Trained:
    """A network trained through the engine's own doors, every generator seeded."""

    def __init__(
        self,
        engine: opacus.PrivacyEngine,
        *,
        epochs: int = 2,
        physical: int = 100,
        batch_size: int = 10,
        schedule: Callable[[Any], Any] | None = None,
        criterion: nn.Module | None = None,
        **options: Any,
    ) -> None:
        self.model = network()
        optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        loader = DataLoader(
            records(), batch_size=batch_size, generator=torch.Generator().manual_seed(1)
        )
        options = {"noise_multiplier": 0.8, "max_grad_norm": 0.3} | options
        if not engine.secure_mode:
            options["noise_generator"] = torch.Generator().manual_seed(2)
        self.wrapped, self.optimizer, self.loader = engine.make_private(
            module=self.model, optimizer=optimizer, data_loader=loader, **options
        )
        scheduler = schedule(self.optimizer) if schedule else None
        criterion = criterion or nn.CrossEntropyLoss()
        self.batches: list[int] = []
        for _ in range(epochs):
            with BatchMemoryManager(
                data_loader=self.loader, max_physical_batch_size=physical, optimizer=self.optimizer
            ) as parts:
                for images, labels in parts:
                    self.batches.append(len(images))
                    self.optimizer.zero_grad()
                    criterion(self.wrapped(images), labels).backward()
                    self.optimizer.step()
            if scheduler is not None:
                scheduler.step()

    @property
    def weights(self) -> Tensor:
        return torch.cat([p.detach().flatten() for p in self.model.parameters()])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"physical": 4},
        {"batch_size": 1},
        {"schedule": lambda optimizer: ExponentialNoise(optimizer, gamma=0.5)},
        {"schedule": lambda optimizer: ExponentialGradClip(optimizer, gamma=0.5)},
        {"loss_reduction": "sum", "criterion": nn.CrossEntropyLoss(reduction="sum")},
        {"noise_multiplier": 0.0, "max_grad_norm": 1e-3},
    ],
    ids=["whole", "virtual", "empty", "noise schedule", "clip schedule", "sum", "clipped"],
)
def test_the_same_updates_and_the_same_budget_as_opacus(options: dict[str, Any]) -> None:
    ours, theirs = PrivacyEngine(accountant="rdp"), opacus.PrivacyEngine(accountant="rdp")
    one, other = Trained(ours, **options), Trained(theirs, **options)
    assert one.batches == other.batches
    assert (0 in one.batches) == (options.get("batch_size") == 1)
    assert torch.allclose(one.weights, other.weights, atol=1e-6)
    assert ours.accountant.history == theirs.accountant.history
    if options.get("noise_multiplier") != 0.0:
        assert ours.get_epsilon(1e-3) == theirs.get_epsilon(1e-3)


def test_a_budget_is_met_as_by_opacus() -> None:
    history = []
    for kind in (PrivacyEngine, opacus.PrivacyEngine):
        engine, model = kind(accountant="rdp"), network()
        _, optimizer, loader = engine.make_private_with_epsilon(
            module=model,
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
            data_loader=DataLoader(records(), batch_size=10),
            target_epsilon=3.0,
            target_delta=1e-3,
            epochs=2,
            max_grad_norm=1.0,
        )
        history.append((optimizer.noise_multiplier, loader.sample_rate, len(loader)))
    assert history[0] == history[1]


@pytest.mark.parametrize("mode", ["hooks", "functorch", "ew"])
def test_opacus_own_ways_are_still_there(mode: str) -> None:
    one = Trained(PrivacyEngine(), grad_sample_mode=mode)
    other = Trained(PrivacyEngine())
    assert "Bookkeeping" not in type(one.optimizer).__name__
    assert torch.allclose(one.weights, other.weights, atol=1e-6)


def test_ghost_clipping_still_comes_with_its_criterion() -> None:
    model = network()
    made = PrivacyEngine().make_private(
        module=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        data_loader=DataLoader(records(), batch_size=10),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
        grad_sample_mode="ghost",
    )
    assert len(made) == 4


def test_the_network_comes_back_as_it_was() -> None:
    trained = Trained(PrivacyEngine(), epochs=1)
    assert any(isinstance(layer.forward, Tap) for layer in trained.model.modules())
    assert trained.wrapped.to_standard_module() is trained.model
    assert not any(isinstance(layer.forward, Tap) for layer in trained.model.modules())
    assert not any(hasattr(p, "grad_sample") for p in trained.model.parameters())
    copy.deepcopy(trained.model)


def test_without_wrapping_the_network_itself_is_used() -> None:
    model = network()
    hooks, optimizer, loader = PrivacyEngine().make_private(
        module=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        data_loader=DataLoader(records(), batch_size=10),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
        wrap_model=False,
    )
    images, labels = next(iter(loader))
    nn.functional.cross_entropy(model(images), labels).backward()
    optimizer.step()
    hooks.cleanup()
    assert not any(isinstance(layer.forward, Tap) for layer in model.modules())


def test_checkpoints_are_those_of_opacus() -> None:
    engine = PrivacyEngine(accountant="rdp")
    trained, file = Trained(engine), io.BytesIO()
    engine.save_checkpoint(path=file, module=trained.wrapped, optimizer=trained.optimizer)
    file.seek(0)
    again = PrivacyEngine(accountant="rdp")
    fresh = Trained(again, epochs=0)
    again.load_checkpoint(path=file, module=fresh.wrapped, optimizer=fresh.optimizer)
    assert torch.equal(fresh.weights, trained.weights)
    assert again.get_epsilon(1e-3) == engine.get_epsilon(1e-3)


# Secure mode, which needs no other package.


def test_secure_noise_lies_on_the_grid_and_never_repeats() -> None:
    first, second = (
        Trained(PrivacyEngine(secure_mode=True), epochs=1, physical=4, loss_reduction="sum",
                criterion=nn.CrossEntropyLoss(reduction="sum"))
        for _ in range(2)
    )  # fmt: skip
    assert not torch.allclose(first.weights, second.weights)
    released = torch.cat([p.grad.flatten() for p in first.model.parameters() if p.grad is not None])
    steps = released / grid_of(0.8 * 0.3)
    assert torch.equal(steps, steps.round())


def test_secure_noise_has_the_size_that_is_accounted_for() -> None:
    trained = Trained(PrivacyEngine(secure_mode=True), epochs=0, noise_multiplier=2.0)
    images, labels = records()[:3]
    values = []
    for _ in range(30):
        trained.optimizer.zero_grad()
        nn.functional.cross_entropy(trained.wrapped(images), labels).backward()
        trained.optimizer.noise_multiplier = 4.0  # as a scheduler may, at any moment
        trained.optimizer.step()
        grads = [p.grad.flatten() for p in trained.model.parameters() if p.grad is not None]
        values.append(torch.cat(grads) * trained.optimizer.expected_batch_size)
        trained.optimizer.noise_multiplier = 2.0
    assert float(torch.stack(values).std(0).mean()) == pytest.approx(4.0 * 0.3, rel=0.05)


def test_secure_sampling_is_poisson_at_the_same_rate() -> None:
    trained = Trained(PrivacyEngine(secure_mode=True), epochs=0)
    sizes = [len(images) for _ in range(100) for images, _ in trained.loader]
    assert len(trained.loader) == 4
    sizes_ = torch.tensor(sizes, dtype=torch.float64)
    assert float(sizes_.mean()) == pytest.approx(10, abs=0.7)
    assert float(sizes_.var()) == pytest.approx(40 * 0.25 * 0.75, rel=0.3)


# Bad input.


def refused(match: str, **options: Any) -> None:
    model = options.pop("module", None) or network()
    optimizer = options.pop("optimizer", None) or torch.optim.SGD(model.parameters(), lr=0.1)
    engine = PrivacyEngine(secure_mode=options.pop("secure_mode", False))
    with pytest.raises(BadInput, match=match):
        engine.make_private(
            module=model,
            optimizer=optimizer,
            data_loader=DataLoader(records(), batch_size=10),
            noise_multiplier=1.0,
            max_grad_norm=1.0,
            **options,
        )


def test_what_would_promise_too_much_is_refused_in_one_sentence() -> None:
    refused("The accountants assume Poisson sampling", poisson_sampling=False)
    refused("clips whole gradients", clipping="per_layer")
    refused("needs records along the first dimension", batch_first=False)
    refused("Secure noise comes with book-keeping", secure_mode=True, grad_sample_mode="hooks")
    model = network()
    head = torch.optim.SGD(model[-1].parameters(), lr=0.1)
    refused("Parameter 0.weight is trained but not in the optimizer", module=model, optimizer=head)


def test_a_network_made_private_in_another_way_is_refused() -> None:
    refused("made private before in another way", module=opacus.GradSampleModule(network()))


def test_two_backward_passes_in_one_step_are_refused() -> None:
    trained = Trained(PrivacyEngine(), epochs=0)
    images, labels = records()[:4]
    for _ in range(2):
        nn.functional.cross_entropy(trained.wrapped(images), labels).backward()
    with pytest.raises(BadInput, match="several backward passes in one step"):
        trained.optimizer.step()


def test_only_norms_trained_and_their_losses_long_gone() -> None:
    released = []
    for kind in (PrivacyEngine, opacus.PrivacyEngine):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.Flatten()).double()
        model[0].requires_grad_(False)
        wrapped, optimizer, _ = kind().make_private(
            module=model,
            optimizer=torch.optim.SGD(model[1].parameters(), lr=0.1),
            data_loader=DataLoader(records(), batch_size=10),
            noise_multiplier=0.0,
            max_grad_norm=0.3,
        )
        images, labels = records()[:4]
        if kind is PrivacyEngine:
            wrapped(images)  # looked at, then forgotten: more than Opacus allows

        def backward(x: Tensor, y: Tensor, net: nn.Module = wrapped, opt: Any = optimizer) -> None:
            loss = nn.functional.cross_entropy(net(x), y)
            opt.zero_grad()
            loss.backward()

        backward(images, labels)
        optimizer.step()
        released.append(torch.cat([p.detach() for p in model[1].parameters()]))
    assert torch.allclose(*released, atol=1e-6)


def test_a_step_that_leaves_out_a_parameter_is_refused() -> None:
    trained = Trained(PrivacyEngine(), epochs=0)
    images, _ = records()[:4]
    trained.model[0](images).sum().backward()
    with pytest.raises(BadInput, match="No gradient reaches parameter 2.weight"):
        trained.optimizer.step()
