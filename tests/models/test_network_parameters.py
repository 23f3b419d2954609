"""Everything that is trained must be where engines and optimizers look for it."""

import pytest
import torch
from torch import nn

from workbench.errors import BadInput
from workbench.models.fitness import make_fit
from workbench.models.parameters import check_optimizer

EXAMPLE = torch.zeros(2, 1, 8, 8)


class Holder(nn.Module):
    """A network that keeps something in an attribute."""

    def __init__(self, kept: object) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 2)
        self.kept = kept

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1))


def trainable() -> torch.Tensor:
    return torch.zeros(3, requires_grad=True)


@pytest.mark.parametrize(
    ("kept", "named"),
    [
        (trainable(), "kept is a tensor of shape (3,)"),
        ([torch.zeros(1), trainable()], "kept[1] is a tensor"),
        ({"a": {"b": (trainable(),)}}, "kept['a']['b'][0] is a tensor"),
        ([nn.Parameter(torch.zeros(2))], "kept[0] is a tensor of shape (2,)"),
        ([nn.Linear(2, 2)], "Layer kept[0] (Linear) is kept where"),
        ({"deep": [nn.Sequential(nn.Linear(2, 2))]}, "Layer kept['deep'][0] (Sequential)"),
    ],
)
def test_what_is_trained_outside_the_parameters_is_named(kept: object, named: str) -> None:
    with pytest.raises(BadInput) as refused:
        make_fit(nn.Sequential(Holder(kept)))
    assert refused.value.message.startswith(named.replace("kept", "0.kept", 1))
    assert refused.value.field == "model"


def test_a_buffer_that_requires_gradients_is_named() -> None:
    model = Holder(None)
    model.register_buffer("scale", trainable())
    with pytest.raises(BadInput, match="Buffer scale requires gradients"):
        make_fit(model, example=EXAMPLE)


def test_what_is_kept_aside_but_not_trained_is_left_alone() -> None:
    teacher = nn.Linear(2, 2).requires_grad_(False)
    model = Holder([teacher, torch.zeros(3), "text", 3.0])
    model.layers = [model.layer, model]
    model.weights = {"of the layer": model.layer.weight}
    assert make_fit(model, example=EXAMPLE) == (model, [])


def test_recurrent_layers_which_list_their_weights_twice_are_left_alone() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rows = nn.LSTM(8, 4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.rows(x.squeeze(1))[0].mean(dim=1)

    model = Reader()
    assert make_fit(model, example=EXAMPLE) == (model, [])


# The optimizer.


def test_an_optimizer_of_exactly_the_trainable_parameters_passes() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    check_optimizer(model, torch.optim.SGD(model[1].parameters(), lr=1))
    check_optimizer(model, torch.optim.Adam(model.parameters()))
    groups = [{"params": [model[1].weight]}, {"params": [model[1].bias], "lr": 0.1}]
    check_optimizer(model, torch.optim.SGD(groups, lr=1))


def test_a_parameter_outside_the_optimizer_is_named() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    with pytest.raises(BadInput, match=r"Parameter 1\.weight is trainable but not in") as refused:
        check_optimizer(model, torch.optim.SGD(model[0].parameters(), lr=1))
    assert refused.value.field == "optimizer"


def test_a_parameter_of_something_else_in_the_optimizer_is_refused() -> None:
    model, other = nn.Linear(2, 2), nn.Linear(5, 3)
    both = [*model.parameters(), *other.parameters()]
    with pytest.raises(BadInput, match=r"shape \(3, 5\) that is no parameter of the network"):
        check_optimizer(model, torch.optim.SGD(both, lr=1))


def test_the_optimizer_of_the_network_before_surgery_is_refused() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
    optimizer = torch.optim.SGD(model.parameters(), lr=1)
    fit, _ = make_fit(model)
    with pytest.raises(BadInput, match=r"Parameter 0\.weight is trainable but not in"):
        check_optimizer(fit, optimizer)
