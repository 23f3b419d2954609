"""Liver with vessels and lesions, spleen, kidneys, the great vessels, heart and pancreas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.imaging.phantoms.habitus import Habitus, Part
from workbench.imaging.phantoms.solids import (
    Both,
    Cut,
    Ellipsoid,
    Grown,
    Plane,
    Solid,
    Tube,
    Union,
    Vector,
)

ENDLESS = 1e6


def liver_solid(habitus: Habitus, rng: np.random.Generator) -> Solid:
    """A large right lobe that thins out downwards and a left lobe across the midline."""
    width, depth = habitus.half_width / 132, habitus.half_depth / 92
    u = rng.uniform
    right = Ellipsoid(
        habitus.place(-70 + u(-5, 5), -4 + u(-6, 6), u(-8, 8)),
        (74 * width * u(0.92, 1.06), 84 * depth * u(0.92, 1.06), u(84, 100)),
        turn=u(-0.15, 0.15),
    )
    left = Ellipsoid(
        habitus.place(-2 + u(-8, 8), -50 + u(-5, 5), 26 + u(-10, 12)),
        (76 * width * u(0.75, 1.15), 36 * depth * u(0.85, 1.15), u(40, 56)),
        turn=u(-0.2, 0.25),
    )
    hilum = Ellipsoid(habitus.place(22, 26, -5), (54 * width, 48 * depth, 150))
    below = Ellipsoid(
        habitus.place(-26 + u(-8, 8), -24 + u(-8, 8), -88 + u(-8, 8)),
        (62 * width, 74 * depth, 74),
    )
    fissure = Ellipsoid(
        habitus.place(-22 + u(-8, 8), -70, u(-40, 0)),
        (u(1.5, 5), u(14, 34) * depth, u(25, 45)),
        turn=u(-0.7, 0.2),
    )
    lobes = Union((right, left), blend=20)
    return Cut(Cut(Cut(lobes, hilum, 16), below, 16), fissure, 4)


def liver_parts(habitus: Habitus, liver: Solid, rng: np.random.Generator) -> list[Part]:
    """The liver, the gallbladder under it and the larger vessels inside it."""
    hu = liver_hu(habitus)
    bright = hu + 10 + 45 * habitus.enhancement
    bed = habitus.place(-38 + rng.uniform(-8, 8), -34 + rng.uniform(-8, 8), -46)
    gallbladder = Ellipsoid(bed, (13, 19, rng.uniform(18, 30)), turn=rng.uniform(-0.6, 0.2))
    inside = Grown(liver, -5)
    return [
        Part(name="liver", solid=liver, hu=hu, texture=5, within=True),
        Part(name="gallbladder", solid=Grown(gallbladder, 1.5), hu=50, within=True),
        Part(name="gallbladder", solid=gallbladder, hu=8, texture=2, within=True),
        *(
            Part(name="vessel", solid=Both((branch, inside)), hu=bright, within=True)
            for branch in _branches(habitus, rng)
        ),
    ]


def liver_hu(habitus: Habitus) -> float:
    """HU of healthy or fatty liver in this phase."""
    return 56 + 54 * habitus.enhancement - habitus.steatosis


def _branches(habitus: Habitus, rng: np.random.Generator) -> list[Tube]:
    # Three hepatic veins run down and out from the vena cava, the portal vein fans out lower down.
    cava, porta = habitus.place(-24, 18, 46), habitus.place(-18, -2, -12)
    tips = [(-105, 20, 10), (-80, -45, 8), (-10, -62, 22), (-100, 25, -35), (-85, -40, -22)]
    tubes = []
    for number, tip in enumerate(tips):
        root = cava if number < 3 else porta
        end = habitus.place(*(c + rng.normal(0, 7) for c in tip))
        middle = _midway(root, end, rng.normal(0, 7, 3))
        tubes.append(Tube((root, middle), rng.uniform(3.5, 5)))
        tubes.append(Tube((middle, end), rng.uniform(2.2, 3.2)))
    return tubes


def _midway(a: Vector, b: Vector, shift: np.ndarray) -> Vector:
    x, y, z = ((p + q) / 2 + float(s) for p, q, s in zip(a, b, shift, strict=True))
    return (x, y, z)


def lesion_solids(
    habitus: Habitus, inside_liver: Callable[[Plane], np.ndarray], rng: np.random.Generator
) -> list[Ellipsoid]:
    """Round lesions, each mostly inside the liver: none in two patients of five, else many.

    Args:
        habitus: the patient's build.
        inside_liver: signed distance to the liver as it is drawn.
        rng: source of number, places and sizes.
    """
    wanted = 0 if rng.random() < 0.42 else int(rng.integers(6, 15))
    lesions: list[Ellipsoid] = []
    for _ in range(120):
        if len(lesions) == wanted:
            break
        radius = float(rng.uniform(11, 27))
        x, y, z = habitus.place(rng.uniform(-125, 40), rng.uniform(-80, 70), rng.uniform(-70, 60))
        spot = Plane(np.full((1, 1), x, np.float32), np.full((1, 1), y, np.float32), z)
        if float(inside_liver(spot).max()) < -0.75 * radius:
            flat = rng.uniform(0.8, 1.2, 2) * radius
            radii = (float(flat[0]), float(flat[1]), radius)
            lesions.append(Ellipsoid((x, y, z), radii, rng.uniform(0, 3), power=2.8))
    return lesions


def organ_parts(habitus: Habitus, rng: np.random.Generator) -> list[Part]:
    """Spleen, kidneys, pancreas, heart and great vessels, in the order they are painted."""
    return [
        *_heart(habitus),
        *_pancreas(habitus, rng),
        *_spleen(habitus, rng),
        *_kidney(habitus, -1, rng),
        *_kidney(habitus, 1, rng),
        *_great_vessels(habitus, rng),
    ]


def _heart(habitus: Habitus) -> list[Part]:
    apex = habitus.place(22, -42, 88)
    wall = Ellipsoid(apex, (60, 42, 46), turn=0.5)
    return [
        Part(name="heart", solid=wall, hu=45 + 60 * habitus.enhancement),
        Part(name="heart", solid=Grown(wall, -11), hu=45 + 105 * habitus.enhancement),
    ]


def _pancreas(habitus: Habitus, rng: np.random.Generator) -> list[Part]:
    path = [(-22, -12, -52), (-2, -26, -34), (34, -20, -18), (76, 14, -2)]
    moved = tuple(habitus.place(*(c + rng.normal(0, 4) for c in point)) for point in path)
    tube = Tube(moved, rng.uniform(8, 11))
    return [Part(name="pancreas", solid=tube, hu=42 + 45 * habitus.enhancement, texture=16,
                 within=True)]  # fmt: skip


def _spleen(habitus: Habitus, rng: np.random.Generator) -> list[Part]:
    size = rng.uniform(0.85, 1.15)
    body = Ellipsoid(
        habitus.place(96, 34, 22 + rng.uniform(-12, 8)), (42 * size, 54 * size, 54 * size), turn=0.3
    )
    dent = Ellipsoid(habitus.place(46, 0, 22), (48, 48, 90))
    solid = Cut(body, dent, 10)
    return [Part(name="spleen", solid=solid, hu=48 + 68 * habitus.enhancement, within=True)]


def _kidney(habitus: Habitus, side: int, rng: np.random.Generator) -> list[Part]:
    centre = habitus.place(side * 66 + rng.normal(0, 3), 46 + rng.normal(0, 3),
                           -52 + 6 * side + rng.normal(0, 6))  # fmt: skip
    radii = (rng.uniform(25, 30), rng.uniform(28, 34), rng.uniform(52, 60))
    turn = side * 0.6
    inward = (centre[0] - side * 15, centre[1] - 11, centre[2])
    enhanced = habitus.enhancement * (0.75 + 0.5 * habitus.arterial)
    return [
        Part(name="kidney", solid=Ellipsoid(centre, radii, turn), hu=32 + 145 * enhanced),
        Part(name="kidney", solid=Ellipsoid(centre, (radii[0] - 9, radii[1] - 9, radii[2] - 12),
                                            turn), hu=30 + 95 * enhanced),
        Part(name="renal sinus", solid=Ellipsoid(inward, (18, 9, 22), turn), hu=-75, texture=20),
        Part(name="renal vessel", hu=40 + 110 * habitus.enhancement,
             solid=Tube((habitus.place(0, 8, centre[2]), inward), 3.5)),
    ]  # fmt: skip


def _great_vessels(habitus: Habitus, rng: np.random.Generator) -> list[Part]:
    wide = rng.uniform(9.5, 12.5)
    front = habitus.half_depth * 0.50 - 18 - wide - 1
    aorta_hu = 42 + habitus.enhancement * (100 + 130 * habitus.arterial)
    vein_hu = 42 + 85 * habitus.enhancement
    aorta = Ellipsoid((9 + rng.normal(0, 2), front, 0), (wide, wide, ENDLESS))
    cava = Ellipsoid((-24 + rng.normal(0, 2), front + 2, 0), (14, 9.5, ENDLESS), turn=-0.3)
    crura = Union(tuple(Tube(((x, front + 4, 60), (x * 0.8, front + 8, -60)), 4.5)
                        for x in (-8, 26)))  # fmt: skip
    superior = Ellipsoid((8, front - wide - 13, -80), (4, 4, 72))
    mesenteric = Ellipsoid((-6, front - wide - 15, -90), (6, 5.5, 70))
    oesophagus = Ellipsoid((18, front - 18, 95), (9, 7, 58))
    return [
        Part(name="crus", solid=crura, hu=55),
        Part(name="oesophagus", solid=oesophagus, hu=45),
        Part(name="aorta", solid=aorta, hu=aorta_hu),
        Part(name="vena cava", solid=cava, hu=vein_hu),
        Part(name="artery", solid=superior, hu=aorta_hu),
        Part(name="vein", solid=mesenteric, hu=vein_hu + 10),
    ]
