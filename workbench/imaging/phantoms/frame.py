"""What holds a patient together: skin, fat, muscle, diaphragm, spine and ribs."""

from __future__ import annotations

import math

import numpy as np

from workbench.imaging.phantoms.habitus import Habitus, Part
from workbench.imaging.phantoms.solids import (
    Below,
    Both,
    Ellipsoid,
    Grown,
    Solid,
    Stacked,
    Tube,
    Union,
    Vector,
)

AIR, LUNG, FAT, MUSCLE = -1000.0, -860.0, -105.0, 55.0
ENDLESS = 1e6
VERTEBRA_PERIOD = 34.0


def trunk(habitus: Habitus) -> Solid:
    """The body up to the skin."""
    return Ellipsoid(
        (0, 2, 0),
        (
            habitus.half_width + habitus.muscle + habitus.fat_side,
            habitus.half_depth + habitus.muscle + habitus.fat_front,
            ENDLESS,
        ),
        power=2.25,
    )


def wall(habitus: Habitus) -> Solid:
    """The body without the fat under the skin."""
    thick = habitus.muscle
    return Ellipsoid(
        (0, 0, 0), (habitus.half_width + thick, habitus.half_depth + thick, ENDLESS), power=2.3
    )


def cavity(habitus: Habitus) -> Solid:
    """What lies inside the muscular wall."""
    return Ellipsoid((0, 0, 0), (habitus.half_width, habitus.half_depth, ENDLESS), power=2.3)


def abdomen(habitus: Habitus, rng: np.random.Generator) -> Solid:
    """What lies below the diaphragm: two domes, the right one higher, and the mediastinum."""
    right, left = rng.uniform(66, 82), rng.uniform(56, 70)
    width, depth = habitus.half_width / 132, habitus.half_depth / 92
    domes = Union(
        (
            Ellipsoid(habitus.place(-58, -10, right - 130), (84 * width, 90 * depth, 130)),
            Ellipsoid(habitus.place(56, -10, left - 130), (84 * width, 90 * depth, 130)),
            Ellipsoid(habitus.place(0, -35, 0), (58 * width, 48 * depth, ENDLESS)),
            Ellipsoid(habitus.place(0, 50, 0), (36, 50 * depth, ENDLESS)),
            Below("z", -35),
        ),
        blend=14,
    )
    return Both((domes, Grown(cavity(habitus), -1)))


def wall_parts(habitus: Habitus, abdominal: Solid) -> list[Part]:
    """From the outside in, painted in this order."""
    skin, inner = trunk(habitus), cavity(habitus)
    return [
        Part(name="skin", solid=skin, hu=20),
        Part(name="fat", solid=Grown(skin, -2.5), hu=FAT, texture=7),
        Part(name="muscle", solid=wall(habitus), hu=MUSCLE, texture=9),
        Part(name="lung", solid=inner, hu=LUNG, texture=18),
        Part(name="peritoneum", solid=Grown(abdominal, 2.5), hu=45),
        Part(name="visceral fat", solid=abdominal, hu=FAT, texture=8),
    ]


def back_muscles(habitus: Habitus) -> list[Part]:
    """Erector spinae beside the arches, psoas beside the lower vertebrae."""
    parts = []
    for side in (-1, 1):
        erector = Ellipsoid(
            (side * 33, _back(habitus) + 2, 0), (29, 19, ENDLESS), turn=side * 0.15, power=2.6
        )
        psoas = Ellipsoid((side * 33, _spine(habitus) + 4, -125), (22, 24, 105))
        parts += [
            Part(
                name="muscle",
                solid=Both((erector, Grown(wall(habitus), 4))),
                hu=MUSCLE,
                texture=11,
            ),
            Part(name="psoas", solid=psoas, hu=MUSCLE + 5, texture=6),
        ]
    return parts


def _spine(habitus: Habitus) -> float:
    return habitus.half_depth * 0.50


def _back(habitus: Habitus) -> float:
    return _spine(habitus) + 38


def spine_parts(habitus: Habitus, rng: np.random.Generator) -> list[Part]:
    """Vertebral bodies with discs between them, the canal, arches and processes."""
    y, density, shift = _spine(habitus), rng.uniform(110, 240), rng.uniform(0, VERTEBRA_PERIOD)
    size = rng.uniform(0.92, 1.1)
    column = Ellipsoid((0, y, 0), (23 * size, 18 * size, ENDLESS), power=2.4)
    behind = y + 18 * size + 8

    def stack(solid: Solid) -> Stacked:
        return Stacked(solid, VERTEBRA_PERIOD, shift)

    bodies = stack(Both((column, Ellipsoid((0, y, 0), (200, 200, 13.5), power=6))))
    arch = [Tube(((s * 15, y + 12, 0), (s * 19, behind, 0), (0, behind + 13, -3)), 5)
            for s in (-1, 1)]  # fmt: skip
    rods = [Tube(((s * 17, behind - 1, 2), (s * 41, behind + 9, 4)), 4.5) for s in (-1, 1)]
    spinous = Tube(((0, behind + 10, -2), (0, behind + 31, -8)), 4)
    tall = [Ellipsoid((s * 17, behind + 5, 0), (7, 6, ENDLESS)) for s in (-1, 1)]
    bone = stack(Union((*arch, *rods, spinous), blend=3))
    return [
        Part(name="disc", solid=column, hu=95),
        Part(name="bone", solid=bodies, hu=430, texture=25),
        Part(name="marrow", solid=Grown(bodies, -3), hu=density, texture=25),
        Part(name="bone", solid=Union(tuple(tall)), hu=330, texture=25),
        Part(name="bone", solid=bone, hu=480, texture=25),
        Part(name="canal", solid=Ellipsoid((0, behind, 0), (10, 8.5, ENDLESS)), hu=25),
    ]


def rib_parts(habitus: Habitus, rng: np.random.Generator) -> list[Part]:
    """Nine ribs a side, each sloping down from the spine round to the front."""
    slope, shift = rng.uniform(50, 62), rng.uniform(0, 27)
    parts = []
    for side in (-1, 1):
        for number in range(9):
            head = shift + 27 * number - 42
            path = _rib_path(habitus, side, head, slope)
            bone = Tube(path, 5.2)
            parts += [
                Part(name="rib", solid=bone, hu=620, texture=30),
                Part(name="marrow", solid=Grown(bone, -2.6), hu=260, texture=30),
            ]
    return parts


def _rib_path(habitus: Habitus, side: int, head: float, slope: float) -> tuple[Vector, ...]:
    # The lowest ribs end at the flank, the others reach round to the front.
    end = float(np.clip(1.5 + head / 70, 1.1, 2.5))
    width = habitus.half_width + habitus.muscle / 2
    depth = habitus.half_depth + habitus.muscle / 2

    def corner(angle: float) -> Vector:
        cos, sin = math.cos(angle), math.sin(angle)
        # The corner lies on the same superellipse as the wall.
        reach = (abs(sin) ** 2.3 + abs(cos) ** 2.3) ** (-1 / 2.3)
        return (side * width * sin * reach, depth * cos * reach, head - slope * (angle - 0.35))

    return tuple(corner(float(angle)) for angle in np.linspace(0.35, end, 9))
