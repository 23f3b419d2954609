"""One attack as a person watches it: what was asked, what came back so far, how good that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import numpy as np

from workbench.attacks.config import AttackConfig
from workbench.attacks.events import Posed, Reconstructing
from workbench.attacks.scoring.score import Score, assign, mean_score
from workbench.runs.events import Event, Finished, Started

FRAMES: Final = 8

Moments = tuple[tuple[float, float], ...]
"""Seconds since the attack began, and values."""


class Shot(NamedTuple):
    """What the attacker believed at one moment.

    Attributes:
        images: float32 ``(B, H, W)`` in [0, 1], in the order of the truth.
        seconds: since the attack began.
        stage: what it was doing.
        objective: distance of gradients, as the attacker sees it.
        restart: attempt, counted from 0.
        mask: float32 ``(B, H, W)`` in [0, 1], in the same order, where it looks for masks too.
    """

    images: np.ndarray
    seconds: float
    stage: str
    objective: float
    restart: int
    mask: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """Everything the stage shows of one attack.

    Attributes:
        config: of the attack.
        facts: what the work said as it began.
        truth: float32 ``(B, H, W)``; ``None`` until the work has begun.
        mask: uint8 ``(B, H, W)``, what the attacker is told; all 0 where nothing.
        now: the newest picture; of a finished attack, its result.
        film: pictures from the attack's life, close together where it moves fast.
        score: of ``now``; the attack never sees it.
        floor: the same attack on pure noise, while it runs and after it.
        floor_score: of ``floor``.
        gaps: of the gradients, at every picture.
        floor_gaps: the same of ``floor``.
        psnrs: dB, as often as pictures were scored.
        floor_psnrs: the same of ``floor``.
        pure_noise: whether this is an attack on noise alone, so that ``now`` shows no patient.
        result: of the finished attack.
    """

    config: AttackConfig
    facts: Mapping[str, Any] = field(default_factory=dict)
    truth: np.ndarray | None = None
    mask: np.ndarray | None = None
    now: Shot | None = None
    film: tuple[Shot, ...] = ()
    score: Score | None = None
    floor: Shot | None = None
    floor_score: Score | None = None
    gaps: Moments = ()
    floor_gaps: Moments = ()
    psnrs: Moments = ()
    floor_psnrs: Moments = ()
    pure_noise: bool = False
    result: Mapping[str, Any] | None = None


def advance(scene: Scene, events: Iterable[Event]) -> Scene:
    """The scene after these events; the newest picture is scored once."""
    before = scene
    for event in events:
        scene = _after(scene, event)
    score = _score(scene.truth, scene.now, before.now, before.score)
    floor = _score(scene.truth, scene.floor, before.floor, before.floor_score)
    return replace(
        scene,
        score=score,
        floor_score=floor,
        psnrs=_scored(before.psnrs, scene.now, before.now, score),
        floor_psnrs=_scored(before.floor_psnrs, scene.floor, before.floor, floor),
    )


def floor_of(scene: Scene) -> Scene | None:
    """The same attack on pure noise, as a scene of its own; ``None`` before it has a picture."""
    if scene.floor is None:
        return None
    return Scene(
        config=scene.config, facts=scene.facts, truth=scene.truth, mask=scene.mask,
        now=scene.floor, film=(scene.floor,), score=scene.floor_score, gaps=scene.floor_gaps,
        psnrs=scene.floor_psnrs, pure_noise=True,
    )  # fmt: skip


def mosaic(images: np.ndarray) -> np.ndarray:
    """A batch ``(B, H, W)`` as one picture, row by row on the smallest square of places."""
    side = int(np.ceil(len(images) ** 0.5))
    rows = -(-len(images) // side)
    sheet = np.zeros((rows * side, *images.shape[1:]), images.dtype)
    sheet[: len(images)] = images
    lines = sheet.reshape(rows, side, *images.shape[1:]).swapaxes(1, 2)
    return lines.reshape(rows * images.shape[1], side * images.shape[2])


def _after(scene: Scene, event: Event) -> Scene:
    match event:
        case Started(facts=facts):
            return replace(scene, facts=facts)
        case Posed(truth=truth, mask=mask):
            return replace(scene, truth=truth, mask=mask)
        case Reconstructing(target="floor"):
            gaps = _with_gap(scene.floor_gaps, event)
            return replace(scene, floor=_shot(scene, event), floor_gaps=gaps)
        case Reconstructing():
            shot = _shot(scene, event)
            film = _filmed(scene.film, shot, event.budget)
            return replace(scene, now=shot, film=film, gaps=_with_gap(scene.gaps, event))
        case Finished():
            return _finished(scene, event)
    return scene


def _score(
    truth: np.ndarray | None, shot: Shot | None, before: Shot | None, known: Score | None
) -> Score | None:
    if truth is None or shot is None or shot is before:
        return known
    return mean_score(truth, shot.images)


def _scored(known: Moments, shot: Shot | None, before: Shot | None, score: Score | None) -> Moments:
    if shot is None or score is None or shot is before:
        return known
    return (*known, (shot.seconds, score.psnr))


def _with_gap(gaps: Moments, event: Reconstructing) -> Moments:
    if not math.isfinite(event.objective):
        return gaps
    return (*gaps, (event.seconds, event.objective))


def _shot(scene: Scene, event: Reconstructing) -> Shot:
    images, mask = event.image, event.mask
    if scene.truth is not None and len(images) > 1:
        order = assign(scene.truth, images)
        images, mask = images[order], None if mask is None else mask[order]
    return Shot(images, event.seconds, event.stage, event.objective, event.restart, mask)


def _filmed(film: tuple[Shot, ...], shot: Shot, budget: float) -> tuple[Shot, ...]:
    """Pictures lie closer together at the beginning, where the attack moves fast."""
    due = budget * (len(film) / (FRAMES - 1)) ** 1.5
    return (*film, shot) if len(film) < FRAMES - 1 and shot.seconds >= due else film


def _finished(scene: Scene, event: Finished) -> Scene:
    result, arrays = event.result, event.arrays
    mask = arrays.get("recovered_mask", scene.now.mask if scene.now else None)
    found = Shot(arrays["reconstruction"], result["seconds"], "done", result["objective"], 0, mask)
    film = scene.film
    if not film or not np.array_equal(film[-1].images, found.images):
        film = (*film, found)
    floor = scene.floor
    if "floor" in arrays and floor is not None:
        floor = floor._replace(images=arrays["floor"])
    return replace(
        scene, truth=arrays["truth"], now=found, film=film, floor=floor,
        result=result,
    )  # fmt: skip
