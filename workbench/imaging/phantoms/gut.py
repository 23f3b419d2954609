"""Stomach, colon and small bowel with what is in them, and the vessels of the mesentery."""

from __future__ import annotations

import numpy as np

from workbench.imaging.phantoms.habitus import Habitus, Part
from workbench.imaging.phantoms.solids import Below, Both, Ellipsoid, Grown, Solid, Tube, Vector

GAS = -960.0


def gut_parts(habitus: Habitus, rng: np.random.Generator) -> list[Part]:
    """The digestive tract in the order it is painted."""
    oral = float(rng.uniform(150, 320)) if rng.random() < 0.3 else float(rng.uniform(8, 30))
    return [
        *_mesentery(habitus, rng),
        *_small_bowel(habitus, oral, rng),
        *_colon(habitus, rng),
        *_stomach(habitus, oral, rng),
    ]


def _hollow(
    name: str, solid: Solid, thick: float, content: float, level: float, wall: float
) -> list[Part]:
    """A wall, what is in it, and gas in front of the level ``y = level`` (mm)."""
    lumen = Grown(solid, -thick)
    return [
        Part(name=name, solid=solid, hu=wall, within=True),
        Part(name=name, solid=lumen, hu=content, texture=6, within=True),
        Part(name="gas", solid=Both((lumen, Below("y", level))), hu=GAS, texture=0, within=True),
    ]


def _stomach(habitus: Habitus, content: float, rng: np.random.Generator) -> list[Part]:
    u = rng.uniform
    centre = habitus.place(58 + u(-8, 8), -34 + u(-6, 6), 22 + u(-8, 8))
    radii = (u(30, 46), u(28, 40), u(42, 56))
    level = centre[1] + radii[1] * u(-1.1, 0.3)
    solid = Ellipsoid(centre, radii, turn=u(-0.6, 0.3))
    return _hollow("stomach", solid, u(3.5, 6), content, level, 40 + 35 * habitus.enhancement)


def _colon(habitus: Habitus, rng: np.random.Generator) -> list[Part]:
    courses: list[list[Vector]] = [
        [(-108, 20, -150), (-106, 10, -95), (-92, -22, -72)],
        [(-92, -30, -70), (-48, -68, -74), (0, -76, -78), (48, -72, -62), (92, -40, -30)],
        [(92, -40, -30), (112, 0, -10), (116, 24, -50), (112, 30, -150)],
    ]
    parts = []
    for course, radius in zip(courses, (21, 17, 14), strict=True):
        path = tuple(habitus.place(*(c + rng.normal(0, 4) for c in point)) for point in course)
        level = float(np.mean([p[1] for p in path])) + radius * rng.uniform(-1.4, 0.8)
        tube = Tube(path, radius * rng.uniform(0.8, 1.15))
        parts += _hollow("colon", tube, 3, rng.uniform(0, 45), level, 55)
    return parts


def _small_bowel(habitus: Habitus, content: float, rng: np.random.Generator) -> list[Part]:
    parts = []
    for _ in range(int(rng.integers(20, 30))):
        start = (rng.uniform(-70, 95), rng.uniform(-66, 20), rng.uniform(-140, -18))
        step = (rng.normal(0, 24), rng.normal(0, 16), rng.normal(0, 10))
        ends = tuple(habitus.place(*point) for point in (start, _add(start, step)))
        tube = Tube(ends, rng.uniform(9, 14))
        level = ends[0][1] - rng.uniform(2, 25)
        inside = content + rng.normal(0, 8)
        parts += _hollow("bowel", tube, 2.5, inside, level, 55 + 40 * habitus.enhancement)
    return parts


def _mesentery(habitus: Habitus, rng: np.random.Generator) -> list[Part]:
    hu = 40 + 80 * habitus.enhancement
    parts = []
    for _ in range(45):
        start = (rng.uniform(-80, 100), rng.uniform(-72, 20), rng.uniform(-130, 40))
        step = (rng.normal(0, 8), rng.normal(0, 8), rng.normal(0, 18))
        path = tuple(habitus.place(*point) for point in (start, _add(start, step)))
        parts.append(Part(name="vessel", solid=Tube(path, rng.uniform(1.2, 2.4)), hu=hu,
                          within=True))  # fmt: skip
    return parts


def _add(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])
