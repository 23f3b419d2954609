"""``workbench plan``: fix four of epsilon, noise, batch, steps and data; find the fifth.

With ``--study`` it is another question: how many patients it would take until privacy costs little.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput

if TYPE_CHECKING:
    from workbench.accounting.planner import Plan

HELP = "find the epsilon, noise, batch, steps or number of patients that a training needs"

_SUFFIXES = (".png", ".html")
_WITHIN = 0.02


def arguments(parser: argparse.ArgumentParser) -> None:
    """Four of the five quantities, and what they hold for."""
    fixed = parser.add_argument_group("the training: give four of these, the fifth is found")
    fixed.add_argument("--target-epsilon", type=float, help="what may be spent")
    fixed.add_argument("--noise-multiplier", type=float)
    fixed.add_argument("--expected-batch", type=float, help="units drawn by a step on average")
    fixed.add_argument("--steps", type=int)
    fixed.add_argument("--units", type=int, help="patients, or slices where slices are protected")
    holds = parser.add_argument_group("what it holds for")
    holds.add_argument("--delta", type=float, help="below 1 / units")
    holds.add_argument(
        "--unit", choices=("patient", "slice"), default="patient", help="what is drawn"
    )
    needed = parser.add_argument_group("or: how many patients, by what a study has measured")
    needed.add_argument("--study", help="that varies the axis patients, by its name")
    needed.add_argument("--epsilon", type=float, help="of its private runs")
    needed.add_argument("--within", type=float, help="gap to non-private scores to reach (0.02)")
    needed.add_argument("--metric", help="dice, auroc, hausdorff95, ... (the study's own)")
    parser.add_argument(
        "--map", type=Path, metavar="FILE", help="epsilon over steps and noise, as .png or .html"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Find what is missing, by the epsilon that a training would report.

    Raises:
        BadInput: not exactly one quantity is missing, the others rule the target out, or the
            study does not say how many patients it would take.
    """
    if args.study is not None:
        return _patients(args)
    _refuse(args, ("epsilon", "within", "metric"), "goes with --study; name the study")
    from workbench.accounting.planner import QUANTITIES, Wish
    from workbench.accounting.planner_solve import solve

    if args.delta is None:
        raise BadInput("Say the delta with --delta.", field="delta")
    fixed = {name: getattr(args, name) for name in QUANTITIES}
    wish = Wish(**fixed, delta=args.delta, unit=args.unit)
    file = _map_file(args)
    plan = solve(wish)
    result: dict[str, Any] = {
        "found": plan.found,
        **{name: getattr(plan, name) for name in QUANTITIES},
        "epsilon": plan.epsilon,
        "sample_rate": plan.sample_rate,
        "delta": plan.delta,
        "unit": plan.unit,
        "adjacency": plan.guarantee.adjacency,
        "sampling": "Poisson",
        "accountant": plan.guarantee.accountant,
        "limit": plan.limit,
        "guarantee": str(plan.guarantee),
    }
    if file:
        _write_map(file, plan)
        result["map"] = str(file)
    return result


def tell(result: dict[str, Any]) -> str:
    """What was found, then the guarantee, or how far it can be trusted."""
    if "study" in result:
        return f"{result['answer']}\n{result['trust']}"
    name = result["found"]
    lines = [f"{name.replace('_', ' ')}: {result[name]:,.12g}", result["limit"]]
    lines.append(f"This training would be {result['guarantee']}")
    if "map" in result:
        lines.append(f"Epsilon over steps and noise: {result['map']}")
    return "\n".join(filter(None, lines))


def _patients(args: argparse.Namespace) -> dict[str, Any]:
    from workbench.exploring.job import finished_before
    from workbench.exploring.patients_needed import patients_needed
    from workbench.exploring.study_file import recalled
    from workbench.runs.store import Store

    own = ("target_epsilon", "noise_multiplier", "expected_batch", "steps", "units", "delta", "map")
    _refuse(args, own, "is not asked for beside --study; leave it out")
    if args.epsilon is None:
        raise BadInput("Say the epsilon of the private runs with --epsilon.", field="epsilon")
    store = Store(args.out)
    found = patients_needed(
        finished_before(recalled(args.study, store), store),
        epsilon=args.epsilon,
        within=_WITHIN if args.within is None else args.within,
        metric=args.metric,
    )
    answer, trust = found.words
    return {
        "study": args.study,
        "patients": found.patients,
        "low": found.low,
        "high": found.high,
        "metric": found.metric,
        "within": found.within,
        "epsilon": found.epsilon,
        "factor": found.factor,
        "exponent": found.exponent,
        "extrapolated": found.beyond > 1,
        "times_the_largest_measured": found.beyond,
        "measured": [{"patients": s.patients, "gap": s.gap} for s in found.sizes],
        "answer": answer,
        "trust": trust,
    }


def _refuse(args: argparse.Namespace, names: tuple[str, ...], why: str) -> None:
    given = next((name for name in names if getattr(args, name) is not None), None)
    if given is not None:
        raise BadInput(f"--{given.replace('_', '-')} {why}.", field=given)


def _map_file(args: argparse.Namespace) -> Path | None:
    """Where the map goes; an impossible place is refused before anything is computed."""
    if args.map is None:
        return None
    file = Path(args.out or "") / args.map
    if file.suffix not in _SUFFIXES:
        raise BadInput(f"The map is written as .png or .html, not {file}.", field="map")
    if not file.parent.is_dir():
        raise BadInput(f"There is no folder {file.parent} to write the map to.", field="map")
    return file


def _write_map(file: Path, plan: Plan) -> None:
    from workbench.accounting.planner_map import epsilon_map
    from workbench.figures import planner as figure
    from workbench.figures.page import Picture, Section, draw_page
    from workbench.figures.theme import png

    numbers = figure.planner_numbers(epsilon_map(plan), plan, unit=plan.unit)
    if file.suffix == ".png":
        file.write_bytes(png(figure.print_planner(numbers)))
        return
    picture = Picture(figure=figure.draw_planner(numbers), shows=figure.heading(numbers))
    part = Section(title="Epsilon over steps and noise", parts=(picture,))
    lead = f"This training would be {plan.guarantee}"
    file.write_text(draw_page("A plan", lead, [part]), encoding="utf-8")
