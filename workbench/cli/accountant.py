"""``workbench accountant``: what a training costs, by several accountants, without training."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, check_range

if TYPE_CHECKING:
    from workbench.accounting.mechanism import Mechanism

HELP = "say what a training costs by several accountants, or what noise a budget needs"

NAMES = {
    "pld": "PLD",
    "prv": "PRV (Opacus)",
    "rdp": "RDP (Opacus)",
    "gdp": "GDP, central limit",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The training, its noise or its budget, and what to say of it."""
    training = parser.add_argument_group("the training")
    training.add_argument("--sample-rate", type=float, help="chance of each unit to enter a step")
    training.add_argument("--steps", type=int)
    training.add_argument("--delta", type=float)
    training.add_argument("--noise-multiplier", type=float, help="its noise")
    training.add_argument("--target-epsilon", type=float, help="or its budget, by PLD")
    answer = parser.add_argument_group("the answer")
    answer.add_argument("--accountant", help="only this one: pld, prv or rdp")
    answer.add_argument(
        "--unit", choices=("patient", "slice"), default="patient", help="what is sampled"
    )
    answer.add_argument(
        "--group",
        type=int,
        metavar="K",
        help="slices are sampled: what it means for a patient with K of them",
    )
    answer.add_argument(
        "--curve", type=Path, metavar="FILE", help="epsilon over steps, as .png, .html or .json"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Calibrate if there is a budget, then ask every accountant.

    Raises:
        BadInput: a value is missing or out of its range.
    """
    from workbench.accounting.accountants import ACCOUNTANTS
    from workbench.accounting.comparison import compare

    _check(args)
    curve = _curve_file(args)
    mechanism = _mechanism(args)
    accountants = (args.accountant,) if args.accountant else ACCOUNTANTS
    found = compare(mechanism, args.delta, accountants=accountants)
    unit = "slice" if args.group else args.unit
    result: dict[str, Any] = {
        "noise_multiplier": mechanism.noise_multiplier,
        "sample_rate": mechanism.sample_rate,
        "steps": mechanism.steps,
        "delta": args.delta,
        "unit": unit,
        "adjacency": "add or remove one",
        **found.bounds,
        "approximation": found.approximations,
        "not_computed": found.missing,
        "guarantee": _guarantee(found.bounds, mechanism, args.delta, unit),
    }
    if args.target_epsilon is not None:
        result["target_epsilon"] = args.target_epsilon
    if args.group:
        result["group"] = _group(mechanism, args.delta)
    if curve:
        _write_curve(curve, mechanism, args.delta, unit, accountants)
        result["curve"] = str(curve)
    return result


def tell(result: dict[str, Any]) -> str:
    """A table, epsilon rounded up, and what it means."""
    from workbench.accounting.guarantee import round_up

    rows = [("accountant", "epsilon", "")]
    rows += [(NAMES[n], round_up(result[n], 3), "") for n in NAMES if n in result]
    rows += [
        (NAMES[name], f"about {epsilon:.2f}", "an approximation, may be too small; no guarantee")
        for name, epsilon in result["approximation"].items()
    ]
    rows += [(NAMES[name], "-", why) for name, why in result["not_computed"].items()]
    width, wide = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [
        f"noise multiplier {result['noise_multiplier']:.6g}, sample rate "
        f"{result['sample_rate']:g}, {result['steps']:,} steps, delta {result['delta']:g}\n",
        *(f"{name:{width}}  {value:>{wide}}  {remark}".rstrip() for name, value, remark in rows),
        f"\n{result['guarantee']}",
    ]
    if "group" in result:
        size, epsilon = result["group"]["size"], result["group"]["pld"]
        lines.append(
            f"For a patient with {size} slices, each sampled by itself: "
            f"({round_up(epsilon)}, {result['delta']:g})-DP by PLD."
        )
    if "curve" in result:
        lines.append(f"Epsilon over steps: {result['curve']}")
    return "\n".join(lines)


def _check(args: argparse.Namespace) -> None:
    for name in ("sample_rate", "steps", "delta"):
        if getattr(args, name) is None:
            raise BadInput(f"Say the {_words(name)} with --{name.replace('_', '-')}.", field=name)
    if (args.noise_multiplier is None) == (args.target_epsilon is None):
        given = "neither" if args.noise_multiplier is None else "both"
        raise BadInput(
            f"Give either --noise-multiplier or --target-epsilon, not {given}.",
            field="noise_multiplier",
        )
    for name, interval in _RANGES.items():
        if getattr(args, name) is not None:
            check_range(name, getattr(args, name), interval)
    if args.accountant == "gdp":
        raise BadInput(
            "The gdp accountant is only an approximation and guarantees nothing; "
            "choose pld, prv or rdp.",
            field="accountant",
        )


_RANGES = {
    "sample_rate": "(0, 1]",
    "steps": "[1, inf)",
    "delta": "(0, 1)",
    "noise_multiplier": "(0, inf)",
    "target_epsilon": "(0, inf)",
    "group": "[1, inf)",
}


def _mechanism(args: argparse.Namespace) -> Mechanism:
    from workbench.accounting.mechanism import Mechanism
    from workbench.accounting.pld import noise_for

    noise = args.noise_multiplier
    if noise is None:
        noise = noise_for(
            target_epsilon=args.target_epsilon,
            sample_rate=args.sample_rate,
            steps=args.steps,
            delta=args.delta,
        )
    return Mechanism(
        noise_multiplier=float(noise),
        sample_rate=args.sample_rate,
        steps=args.steps,
        group=args.group or 1,
    )


def _guarantee(bounds: dict[str, float], mechanism: Mechanism, delta: float, unit: Any) -> str:
    """The statement by the first accountant that has an answer."""
    from workbench.accounting.guarantee import Guarantee

    for name, epsilon in bounds.items():
        sampling = f"Poisson q = {mechanism.sample_rate:g}, {mechanism.steps} steps"
        return str(
            Guarantee(
                epsilon=epsilon, delta=delta, unit=unit, sampling=sampling, accountant=name.upper()
            )
        )
    return str(Guarantee.none("no accountant gives a finite epsilon"))


def _group(mechanism: Mechanism, delta: float) -> dict[str, Any]:
    from workbench.accounting.composition import composed_epsilon

    return {"size": mechanism.group, "pld": composed_epsilon([mechanism], delta)}


def _curve_file(args: argparse.Namespace) -> Path | None:
    """Where the curve goes; an impossible place is refused before anything is computed."""
    if args.curve is None:
        return None
    file = Path(args.out or "") / args.curve
    if file.suffix not in (".png", ".html", ".json"):
        raise BadInput(f"The curve is written as .png, .html or .json, not {file}.", field="curve")
    if not file.parent.is_dir():
        raise BadInput(f"There is no folder {file.parent} to write the curve to.", field="curve")
    return file


def _write_curve(
    file: Path, mechanism: Mechanism, delta: float, unit: str, accountants: tuple[str, ...]
) -> None:
    from workbench.accounting.curve import epsilon_curves
    from workbench.figures import accountants as figure
    from workbench.figures.page import Picture, Section, draw_page
    from workbench.figures.theme import png

    setting = (mechanism.noise_multiplier, mechanism.sample_rate, mechanism.steps, delta)
    found = epsilon_curves(*setting, accountants=accountants)
    numbers = figure.accountant_numbers(found.curves, delta=delta, unit=unit)
    if file.suffix == ".png":
        file.write_bytes(png(figure.print_accountants(numbers)))
    elif file.suffix == ".json":
        text = json.dumps({**numbers._asdict(), "not_computed": found.missing}, indent=1)
        file.write_text(text, encoding="utf-8")
    else:
        lead = (
            f"Noise multiplier {setting[0]:.6g}, sample rate {setting[1]:g}, {setting[2]:,} steps."
        )
        shows = f"Epsilon over steps by {', '.join(numbers.steps)}."
        picture = Picture(figure=figure.draw_accountants(numbers), shows=shows)
        part = Section(title="Epsilon over steps", parts=(picture,))
        file.write_text(draw_page("What a training costs", lead, [part]), encoding="utf-8")


def _words(name: str) -> str:
    return name.replace("_", " ")
