"""Reading slices off the bins that a malicious server put in front of a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import chi2

from workbench.attacks.events import Reconstructing, Reconstruction
from workbench.attacks.knowledge import Knowledge
from workbench.attacks.methods.implant import Imprinted
from workbench.attacks.observation import Observation, refuse_not_numbers
from workbench.attacks.search.clock import Clock
from workbench.attacks.search.search import Attack
from workbench.errors import BadInput

GREY = 0.3
_SURE = 6.0
"""Standard deviations of its energy by which a row must stand out of the noise."""

_ROUNDING = 1e-4
"""Relative difference between two rows up to which they hold the same slice."""

_SLACK = 0.02
"""By which a slice read off a row may leave [0, 1]."""


_SLIP = 1e-6
"""By which rounding may move a measurement."""


class Bins(NamedTuple):
    """What lies in the bins, as far as it is not read yet.

    Attributes:
        held: float64 ``(R, K, N + 1)``: in bin k of measurement r the sum over its slices of
            (pixels, 1) times what came down to the slice from the loss. Taken apart in place.
        directions: ``(R, N)``, of unit length.
        edges: ``(R, K + 1)``.
        noise: variance of the noise in every number of ``held``.
    """

    held: np.ndarray
    directions: np.ndarray
    edges: np.ndarray
    noise: float

    def occupied(self) -> np.ndarray:
        """Where more lies than noise, bool ``(R, K)``."""
        energy = np.einsum("rkn,rkn->rk", self.held, self.held)
        enough = max(_likely(self.noise, self.held.shape[2]), _ROUNDING**2 * energy.max())
        found: np.ndarray = energy > enough
        return found

    def places(self, pixels: np.ndarray) -> np.ndarray:
        """The bin of a slice in every measurement, int ``(R,)``; -1 or K beyond all of them."""
        values = self.directions @ pixels
        pairs = zip(self.edges, values, strict=True)
        return np.array([int(np.searchsorted(edges, value)) - 1 for edges, value in pairs])


def imprint(
    observation: Observation, knowledge: Knowledge, *, seconds: float, restarts: int, seed: int
) -> Attack:
    """Read every slice off a bin that holds it alone, and take it out of the bins it shares.

    A row of ``methods.implant`` has the gradient sum of g_i x_i and its bias that of g_i, over the
    slices i in its bin, with the same g_i in every measurement. Rows of two measurements that are
    equal hold one slice: it is read as their ratio and taken out of its bins in the other
    measurements, where another may now be alone (as in the peeling of erasure codes, Luby et al.
    2001). What stays mixed is given as it is.

    Args:
        observation: of a network that ``methods.implant`` has changed; of any number of sites.
        knowledge: of that network; public slices, where there are some, fill in for what was
            not found. Targets are not needed.
        seconds: of the clock that is shown; the answer comes at once.
        restarts: there is nothing to try again; taken so that all attacks are called alike.
        seed: nothing is drawn; the same.

    Returns:
        By yielding ``Reconstructing``, in the end a ``Reconstruction`` of as many images as there
        are records; its objective is the share of the rows' energy that was not taken apart.

    Raises:
        BadInput: nothing was put in front of the network, or the gradient is not of numbers.
    """
    del restarts, seed
    clock = Clock(seconds)
    refuse_not_numbers(observation.gradients)
    bins = _bins(observation, knowledge)
    whole = max(float((bins.held**2).sum()), 1e-300)
    found: list[np.ndarray] = []
    history: list[tuple[float, float]] = []
    for stage in _read(bins, found, observation.batch_size):
        images = _filled(found, observation.batch_size, knowledge)
        objective = float((bins.held**2).sum()) / whole
        history.append((clock.elapsed, objective))
        yield Reconstructing(
            seconds=clock.elapsed, budget=seconds, stage=stage, objective=objective, image=images
        )
    return Reconstruction(
        images=images,
        labels=None,
        objective=objective,
        objective_history=np.array(history),
        seconds=clock.elapsed,
    )


def _bins(observation: Observation, knowledge: Knowledge) -> Bins:
    named = knowledge.network.named_modules()
    name, layer = next(((n, m) for n, m in named if isinstance(m, Imprinted)), ("", None))
    if layer is None:
        raise BadInput(
            "The imprint attack reads rows that a malicious server put in front of the network, "
            "and this one has none; let the server be malicious.",
            field="server",
        )
    prefix = f"{name}.imprint" if name else "imprint"
    rows = {
        kind: {part: each[f"{prefix}.{part}"].double() for part in ("weight", "bias")}
        for kind, each in (("made", observation.parameters), ("seen", observation.gradients))
    }
    length = rows["made"]["weight"].norm(dim=1)
    shape = (layer.measurements, -1)
    low = (-rows["made"]["bias"] / length).view(shape)
    last = ((layer.bins.max_val - rows["made"]["bias"]) / length).view(shape)[:, -1:]
    directions = (rows["made"]["weight"] / length[:, None]).unflatten(0, shape)[:, 0]
    seen = torch.cat([rows["seen"]["weight"], rows["seen"]["bias"][:, None]], dim=1)
    held = seen.unflatten(0, shape).numpy()
    edges = torch.cat([low, last], dim=1).numpy()
    return Bins(held, directions.numpy(), edges, _noise(held))


def _noise(held: np.ndarray) -> float:
    """Variance of the noise, of the emptiest tenth of the bins."""
    numbers = held.shape[2]
    energy = np.einsum("rkn,rkn->rk", held, held)
    return float(np.quantile(energy, 0.1) / chi2.ppf(0.1, numbers))


def _likely(variance: float, numbers: int) -> float:
    """A sum of so many squares of noise is smaller than this."""
    return variance * (numbers + _SURE * (2.0 * numbers) ** 0.5)


def _read(bins: Bins, found: list[np.ndarray], records: int) -> Iterator[str]:
    """Take the bins apart into ``found``, as often as it goes on."""
    while len(found) < records:
        before = len(found)
        _read_equal(bins, found, records)
        if len(found) == before:
            _read_alone(bins, found)
        if len(found) == before:
            break
        yield "taking bins apart"
    _read_mixed(bins, found, records)
    yield "done"


def _read_equal(bins: Bins, found: list[np.ndarray], records: int) -> None:
    """Slices that are alone in their bins of two measurements or more."""
    measurements = len(bins.held)
    for first in range(measurements - 1):
        occupied = bins.occupied()
        for k in np.flatnonzero(occupied[first]):
            same = {first: int(k)}
            for other in range(first + 1, measurements):
                candidates = np.flatnonzero(occupied[other])
                place = _equal(bins, bins.held[first, k], bins.held[other, candidates])
                if place is not None:
                    same[other] = int(candidates[place])
            if len(same) > 1 and len(found) < records and _plausible(bins, occupied, same):
                found.append(_taken_out(bins, same))
                occupied[tuple(zip(*same.items(), strict=True))] = False


def _equal(bins: Bins, row: np.ndarray, others: np.ndarray) -> int | None:
    """Which of the other rows ``(M, N + 1)`` is the same but for noise."""
    if not len(others) or not (row @ row):
        return None
    gaps = ((others - row) ** 2).sum(axis=1)
    nearest = int(gaps.argmin())
    allowed = _likely(2 * bins.noise, len(row)) + _ROUNDING**2 * float(row @ row)
    return nearest if gaps[nearest] <= allowed else None


def _read_alone(bins: Bins, found: list[np.ndarray]) -> None:
    """One slice that is alone in a bin, and shares those of all other measurements."""
    occupied = bins.occupied()
    for r, k in np.argwhere(occupied):
        alone = {int(r): int(k)}
        if _plausible(bins, occupied, alone):
            found.append(_taken_out(bins, alone))
            return


def _plausible(bins: Bins, occupied: np.ndarray, alone: dict[int, int]) -> bool:
    """Whether what these bins hold can be one slice.

    A mixture lies in its own bin, too, but is often no picture, and seldom lies in bins of the
    other measurements that hold anything.
    """
    row = _mean(bins, alone)
    pixels = _pixels(bins, row, alone)
    doubt = _SLIP + _SURE * (bins.noise / len(alone)) ** 0.5 / max(abs(row[-1]), 1e-300)
    if pixels.min() < -_SLACK - doubt or pixels.max() > 1 + _SLACK + doubt:
        return False
    for r, value in enumerate(bins.directions @ pixels):
        first, last = np.searchsorted(bins.edges[r], [value - doubt, value + doubt])
        beyond = last == 0 or first > occupied.shape[1]
        if not beyond and not occupied[r, max(first - 1, 0) : last].any():
            return False
    return True


def _read_mixed(bins: Bins, found: list[np.ndarray], records: int) -> None:
    """What bins hold that cannot be taken apart, most energy first."""
    occupied = bins.occupied()
    r = int(occupied.sum(axis=1).argmax())
    energy = (bins.held[r] ** 2).sum(axis=1) * occupied[r]
    for k in np.argsort(-energy)[: records - len(found)]:
        if occupied[r, k]:
            found.append(_pixels(bins, bins.held[r, k], {r: int(k)}))


def _taken_out(bins: Bins, alone: dict[int, int]) -> np.ndarray:
    """Read a slice and empty its bins of it.

    Args:
        bins: changed in place.
        alone: by measurement the bin that holds this slice and no other.

    Returns:
        Its pixels ``(N,)``.
    """
    row = _mean(bins, alone)
    pixels = _pixels(bins, row, alone)
    occupied = bins.occupied()
    for r, place in enumerate(bins.places(pixels)):
        if r in alone:
            bins.held[r, alone[r]] = 0
        elif 0 <= place < occupied.shape[1] and occupied[r, place]:
            bins.held[r, place] -= row
    return pixels


def _mean(bins: Bins, alone: dict[int, int]) -> np.ndarray:
    row: np.ndarray = np.mean([bins.held[r, k] for r, k in alone.items()], axis=0)
    return row


def _pixels(bins: Bins, row: np.ndarray, alone: dict[int, int]) -> np.ndarray:
    """The slice in a row: g x over g.

    The bias gives g; where there is noise, the measurements give it better, because the bin tells
    what each must be.
    """
    seen, factor = row[:-1], float(row[-1])
    variance = bins.noise / len(alone)
    if variance:
        weights, products = 1 / variance, factor / variance
        for r, k in alone.items():
            middle = float(bins.edges[r, k : k + 2].mean())
            width = float(bins.edges[r, k + 1] - bins.edges[r, k])
            measured = float(bins.directions[r] @ seen)
            # Where in its bin the slice lies is not known: an error of this variance.
            blurred = (measured / middle * width) ** 2 / 12 if middle else 0.0
            weights += middle**2 / (variance + blurred)
            products += middle * measured / (variance + blurred)
        factor = products / weights
    pixels: np.ndarray = seen / factor if factor else np.zeros_like(seen)
    return pixels


def _filled(found: list[np.ndarray], records: int, knowledge: Knowledge) -> np.ndarray:
    """float32 ``(B, H, W)``: what was found, and a blind guess for the rest."""
    shape = (knowledge.size, knowledge.size)
    images = [pixels.reshape(shape).clip(0, 1) for pixels in found[:records]]
    blind = np.full(shape, GREY)
    if knowledge.public is not None:
        blind = knowledge.public[:, 0].double().mean(dim=0).numpy()
    return np.stack(images + [blind] * (records - len(images))).astype(np.float32)
