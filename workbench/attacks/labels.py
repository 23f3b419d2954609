"""Labels that a classifier's gradient gives away."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.attacks.knowledge import Knowledge
from workbench.attacks.observation import Observation
from workbench.attacks.search.descent import Candidate
from workbench.attacks.search.matching import GradientMatcher
from workbench.errors import BadInput

_PROBES = 32
"""Public slices that stand in for the unknown ones."""

_DRAWN, _COARSE = 32, 5
"""Without public slices: pictures drawn, and how many random grey values on a side make one."""

_DOUBT = 1.0
"""Variance of the features of a batch's slices over that of drawn pictures from theirs."""


def targets_for(observation: Observation, knowledge: Knowledge) -> Tensor:
    """Masks or labels as told, or the labels that the gradient gives away.

    Raises:
        BadInput: they are neither told nor to be inferred.
    """
    if knowledge.targets is not None:
        return knowledge.targets
    if observation.loss == "classification":
        return infer_labels(observation, knowledge)
    what = "masks" if observation.loss == "segmentation" else "targets of its loss"
    raise BadInput(f"This attack must know the {what}; tell it.", field="mask")


def infer_label(observation: Observation) -> int:
    """The class of the one record behind a classifier's gradient (iDLG, Zhao et al. 2020).

    The last bias has the gradient softmax - one-hot: negative at the true class and nowhere else.
    Clipping does not change the sign, noise may.

    Raises:
        BadInput: the gradient is of several records, or the network has no bias at its end.
    """
    if observation.batch_size != 1:
        raise BadInput(
            f"One label can be read off the gradient of one record, not of "
            f"{observation.batch_size}; set the batch to 1.",
            field="batch",
        )
    return int(_last_bias(observation).argmin())


def infer_labels(observation: Observation, knowledge: Knowledge) -> Tensor:
    """The labels of all records behind a classifier's gradient, in rising order.

    The last bias has as gradient the mean of softmax - one-hot, clipped as each record was. What
    one record of each label adds to it is tried out on slices that the attacker holds ("impact"
    in LLG, Wainakh et al. 2022), and the counts follow by least squares. Where it holds none,
    smooth random pictures take their place, and their mean feature is corrected by that in the
    last layer's gradient (as in iLRG, Ma et al. 2023).

    Args:
        observation: of B records in all.
        knowledge: of the network; public slices and their labels, where there are any.

    Returns:
        int64 ``(B,)``.

    Raises:
        BadInput: the network has no bias at its end.
    """
    if observation.batch_size == 1:
        return torch.tensor([infer_label(observation)])
    bias = _last_bias(observation).double()
    impacts = _impacts(observation, knowledge, len(bias))
    counts = _counts(bias, impacts, observation.batch_size)
    return torch.arange(len(bias)).repeat_interleave(counts)


def _last_bias(observation: Observation) -> Tensor:
    name, gradient = list(observation.gradients.items())[-1]
    if gradient.ndim != 1:
        raise BadInput(
            f"The last layer has no bias ({name} has shape {tuple(gradient.shape)}), so the label "
            "cannot be read off its gradient; take a network with one.",
            field="model",
        )
    return gradient


def _impacts(observation: Observation, knowledge: Knowledge, classes: int) -> Tensor:
    """float64 ``(classes, classes)``: row y is the last bias' gradient of a record of label y."""
    drawn = knowledge.public is None or not len(knowledge.public)
    if drawn and observation.clipping is None:
        expected = _softmax_of_features(observation, knowledge)
        if expected is not None:
            return expected - torch.eye(classes, dtype=torch.float64)
    once = replace(observation, local_steps=1, sites=1, further=())
    rows = []
    for label in range(classes):
        probes = _drawn(knowledge.size) if drawn else _public(knowledge, label)
        targets = torch.full((len(probes),), label)
        matcher = GradientMatcher(knowledge.network, once, targets, torch.float64)
        rows.append(matcher.shared(Candidate(probes.double()))[-1].detach())
    return torch.stack(rows)


def _public(knowledge: Knowledge, label: int) -> Tensor:
    assert knowledge.public is not None
    same, labels = knowledge.public, knowledge.public_targets
    if labels is not None and labels.ndim == 1 and (labels == label).any():
        same = same[labels == label]
    return same[:_PROBES]


def _drawn(size: int) -> Tensor:
    """Smooth random pictures ``(32, 1, size, size)``, always the same."""
    values = np.random.default_rng(0).random((_DRAWN, 1, _COARSE, _COARSE))
    coarse = torch.from_numpy(values).float()
    return F.interpolate(coarse, size=size, mode="bicubic", align_corners=False).clamp(0, 1)


def _softmax_of_features(observation: Observation, knowledge: Knowledge) -> Tensor | None:
    """What the classifier says to the mean feature of the records, ``(classes,)``.

    If all records had the same feature h, every row c of the last layer's gradient would be h
    times the bias' gradient at c: least squares, drawn towards the feature of drawn pictures.
    ``None`` where the network does not end with a linear layer.
    """
    name = list(observation.gradients)[-1].rpartition(".")[0]
    network = copy.deepcopy(knowledge.network)
    network.load_state_dict({**observation.parameters, **observation.buffers}, strict=False)
    last = dict(network.named_modules())[name]
    if not isinstance(last, nn.Linear):
        return None
    entered: list[Tensor] = []
    last.register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0].double()))
    with torch.no_grad():
        network(_drawn(knowledge.size))
        bias = observation.gradients[f"{name}.bias"].double()
        weight = observation.gradients[f"{name}.weight"].double()
        doubt = _DOUBT / observation.batch_size
        typical = entered[0].mean(dim=0)
        feature = (bias @ weight + doubt * typical) / (bias @ bias + doubt)
        return (last.weight.double() @ feature + last.bias.double()).softmax(dim=0)


def _counts(bias: Tensor, impacts: Tensor, records: int) -> Tensor:
    """int64 ``(classes,)``: how many records of each label, B in all."""
    classes = len(bias)
    # That the counts add up is one more equation; the others add up to nothing by themselves.
    equations = torch.cat([impacts.T, torch.ones(1, classes).double()])
    wanted = torch.cat([bias, torch.ones(1).double()])
    shares = torch.linalg.lstsq(equations, wanted[:, None], driver="gelsd").solution[:, 0]
    shares = shares.nan_to_num().clamp(min=0)
    total = float(shares.sum())
    exact = records * (shares / total if total else torch.full_like(shares, 1 / classes))
    counts = exact.floor().long()
    missing = records - int(counts.sum())
    counts[(exact - counts).argsort(descending=True, stable=True)[:missing]] += 1
    return counts
