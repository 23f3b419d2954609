"""The page that ``workbench demo`` ends with, from the records of the runs that it made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from workbench.accounting.guarantee import round_up
from workbench.figures.page import Picture, Section, Table, draw_page
from workbench.figures.predictions import PredictionNumbers, draw_predictions
from workbench.figures.theme import make_picture_figure
from workbench.figures.training_curves import draw_scores, training_numbers
from workbench.runs.record import RunRecord
from workbench.runs.store import Store

NAMES = {"plain": "without privacy", "private": "with differential privacy"}


def draw_demo(
    store: Store,
    trainings: Mapping[str, str],
    attacks: Mapping[float | None, str],
    *,
    data: str,
) -> str:
    """The page as HTML.

    Args:
        store: that recorded the runs.
        trainings: ``"plain"`` and ``"private"`` to their runs.
        attacks: noise multiplier to run; ``None`` is the gradient as it is. The last one has also
            attacked a gradient of pure noise.
        data: what everything was done on.
    """
    lead = (
        f"One network, one set of slices ({data}): trained with and without differential privacy, "
        "and attacked through a single shared gradient at four levels of noise. Every number and "
        "picture below was computed by the runs named beside it."
    )
    sections = [_training(store, trainings), _attacks(store, attacks), _promise(store, trainings)]
    return draw_page("What training gives away, and what privacy costs", lead, sections)


def _training(store: Store, trainings: Mapping[str, str]) -> Section:
    records = {NAMES[name]: store.record(run) for name, run in sorted(trainings.items())}
    curves = {name: training_numbers(store.events(r.id)) for name, r in records.items()}
    arrays = {name: store.arrays(record.id) for name, record in records.items()}
    first = next(iter(arrays.values()))
    pictures = PredictionNumbers(
        first["images"], first["truths"], {name: a["predictions"] for name, a in arrays.items()}
    )
    return Section(
        title="What privacy costs: outlining the liver",
        paragraphs=(
            "Orange is what the network marks as liver on three patients that it was not trained "
            "on, the blue line is the truth.",
        ),
        parts=(
            Picture(figure=draw_predictions(pictures), shows="Predicted and true liver outlines"),
            Picture(figure=draw_scores(curves), shows="Validation Dice over training steps"),
            _training_table(records),
        ),
    )


def _training_table(records: Mapping[str, RunRecord]) -> Table:
    rows = []
    for name, record in records.items():
        result = record.result or {}
        rows.append(
            (
                name,
                f"{result['dice']:.3f}",
                round_up(result["epsilon"]),
                f"{result['noise_multiplier']:.2f}",
                f"{result['steps']}",
                f"{result['seconds_per_step']:.2f} s",
                record.id,
            )
        )
    columns = ("training", "Dice", "epsilon", "noise multiplier", "steps", "per step", "run")
    return Table(columns=columns, rows=tuple(rows))


def _attacks(store: Store, attacks: Mapping[float | None, str]) -> Section:
    results = {noise: store.record(run).result or {} for noise, run in attacks.items()}
    arrays = {noise: store.arrays(run) for noise, run in attacks.items()}
    seconds = max(float(result["seconds"]) for result in results.values())
    return Section(
        title="What a gradient gives away: one slice, one gradient",
        paragraphs=(
            f"The attacker knows the network, its weights, the loss and the mask, and searches for "
            f"at most {seconds:.0f} seconds. The network is untrained with smooth activations and "
            "the slice is alone in its batch: the worst case for the patient.",
        ),
        parts=(
            Picture(figure=_strip(results, arrays), shows="Reconstructions at rising noise"),
            _attack_table(results),
        ),
        notes=(
            "Scored against the truth, which the attack never saw. Pure noise is the same attack "
            "on a gradient that holds no patient: what it shows is the attacker's imagination. "
            "Epsilon is for one release at full participation; a training releases many.",
        ),
    )


def _strip(results: Mapping[float | None, Any], arrays: Mapping[float | None, Any]) -> Figure:
    last = list(arrays.values())[-1]
    shown = {"the slice": next(iter(arrays.values()))["truth"][0]}
    for noise, result in results.items():
        shown[f"{_noise(noise)}\nSSIM {result['ssim']:.2f}"] = arrays[noise]["reconstruction"][0]
    shown["pure noise\n(no patient)"] = last["floor"][0]
    figure, (row,) = make_picture_figure(1, len(shown), side_inches=1.75)
    for axes, (title, picture) in zip(row, shown.items(), strict=True):
        axes.imshow(np.asarray(picture), cmap="gray", vmin=0, vmax=1)
        axes.set_title(title)
    return figure


def _attack_table(results: Mapping[float | None, Any]) -> Table:
    rows = [
        (
            _noise(noise),
            round_up(result["epsilon_one_step"]),
            f"{result['psnr']:.1f} dB",
            f"{result['ssim']:.3f}",
            f"{result['ncc']:.3f}",
        )
        for noise, result in results.items()
    ]
    last = list(results.values())[-1]
    rows.append(("pure noise, no patient", "", f"{last['floor_psnr']:.1f} dB",
                 f"{last['floor_ssim']:.3f}", ""))  # fmt: skip
    rows.append(("best guess without any gradient", "", f"{last['baseline_psnr']:.1f} dB",
                 f"{last['baseline_ssim']:.3f}", ""))  # fmt: skip
    columns = ("shared gradient", "epsilon of one release", "PSNR", "SSIM", "correlation")
    return Table(columns=columns, rows=tuple(rows))


def _noise(noise: float | None) -> str:
    return "as it is" if noise is None else f"noise {noise:g}"


def _promise(store: Store, trainings: Mapping[str, str]) -> Section:
    results = {name: store.record(run).result or {} for name, run in sorted(trainings.items())}
    return Section(
        title="What is guaranteed",
        paragraphs=tuple(
            f"Trained {NAMES[name]}: {result['guarantee']}" for name, result in results.items()
        ),
        notes=(
            "A failed attack is no proof of privacy: a better attacker may come. The guarantee "
            "holds whoever comes, under the assumptions that it names.",
        ),
    )
