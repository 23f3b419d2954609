"""``workbench ledger``: what all runs together have cost the patients, and what is left."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput

if TYPE_CHECKING:
    from workbench.accounting.ledger.accounts import Account, Point
    from workbench.accounting.ledger.budget import Budget
    from workbench.accounting.ledger.ledger import Ledger

HELP = "show what was charged, check the ledger, set a budget, or ask what a run would cost"

ACCOUNT = (
    "name",
    "names",
    "fingerprints",
    "slices",
    "patients",
    "runs",
    "unprotected",
    "open",
    "epsilon",
    "epsilon_if_all_seen",
    "delta",
    "left",
)

ACTIONS = ("show", "verify", "budget", "cost")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="show", help="default: show")
    parser.add_argument(
        "data",
        nargs="?",
        help="a data set that was charged: its name, or six characters of its fingerprint",
    )
    parser.add_argument("--head", metavar="HASH", help="verify: a head that was written down")
    parser.add_argument("--epsilon", type=float, help="budget: for all runs together, per patient")
    parser.add_argument("--delta", type=float, help="budget, cost: at which epsilon is told")
    parser.add_argument(
        "--policy",
        choices=("stop", "warn"),
        default="stop",
        help="budget: what happens to a run that would exceed it (default: stop)",
    )
    parser.add_argument("--noise-multiplier", type=float, help="cost: of the planned run")
    parser.add_argument("--sample-rate", type=float, help="cost: of the planned run, in (0, 1]")
    parser.add_argument("--steps", type=int, help="cost: of the planned run")
    parser.add_argument(
        "--unit", choices=("patient", "slice"), default="patient", help="cost: what is sampled"
    )


def run(args: argparse.Namespace) -> object:
    """Accounts, one account with its runs, a verdict, a budget or an outlook, as JSON values.

    Raises:
        BadInput: the ledger is damaged, or something is missing or not known.
    """
    from workbench.accounting.ledger.ledger import Ledger
    from workbench.runs.events import to_json
    from workbench.runs.workspace import workspace

    ledger = Ledger(workspace() if args.out is None else args.out)
    if args.action == "show" and args.data is None:
        return to_json(_overview(ledger))
    if args.action == "verify":
        return to_json(_verdict(ledger, args.head))
    if args.data is None:
        raise BadInput(f"Say for which data: workbench ledger {args.action} DATA.", field="data")
    act = {"show": _sheet, "budget": _budget, "cost": _cost}[args.action]
    return to_json(act(ledger, args))


def tell(result: object) -> str:
    """The result as a table or as lines, numbers rounded up."""
    from workbench.cli.ledger_words import words_for

    return words_for(result if isinstance(result, dict) else {})


def _overview(ledger: Ledger) -> dict[str, Any]:
    accounts = ledger.accounts()
    verdict = ledger.verify()
    return {
        "accounts": [_account(account) for account in accounts],
        "lines": verdict.lines,
        "head": verdict.head,
    }


def _sheet(ledger: Ledger, args: argparse.Namespace) -> dict[str, Any]:
    account = ledger.account(args.data)
    return {
        "account": _account(account),
        "runs": [_run(point) for point in ledger.history(account.fingerprints[0])],
    }


def _verdict(ledger: Ledger, head: str | None) -> dict[str, Any]:
    verdict = ledger.verify(head)
    verdict.check()
    return {
        "verified": True,
        "path": str(verdict.path),
        "lines": verdict.lines,
        "head": verdict.head,
        "compared_with": head,
        "standing": verdict.standing,
        "unfinished": verdict.unfinished,
    }


def _budget(ledger: Ledger, args: argparse.Namespace) -> dict[str, Any]:
    _need(args, "epsilon", "delta")
    account = ledger.set_budget(
        args.data, epsilon=args.epsilon, delta=args.delta, policy=args.policy
    )
    return {"budget_set": True, "account": _account(account)}


def _cost(ledger: Ledger, args: argparse.Namespace) -> dict[str, Any]:
    from workbench.accounting.ledger.plans import Planned

    _need(args, "noise_multiplier", "sample_rate", "steps")
    delta = ledger.account(args.data).delta if args.delta is None else args.delta
    if delta is None:
        raise BadInput(
            "These data have neither a budget nor a private run, so say --delta.", field="delta"
        )
    planned = Planned(
        noise_multiplier=args.noise_multiplier,
        sample_rate=args.sample_rate,
        steps=args.steps,
        delta=delta,
        unit=args.unit,
    )
    outlook = ledger.would_cost(args.data, planned)
    return {
        "data": args.data,
        "steps": args.steps,
        "before": outlook.before,
        "after": outlook.after,
        "delta": outlook.delta,
        "budget": _limits(outlook.budget),
        "room": outlook.room,
    }


def _need(args: argparse.Namespace, *names: str) -> None:
    for name in names:
        if getattr(args, name) is None:
            option = name.replace("_", "-")
            raise BadInput(f"workbench ledger {args.action} needs --{option}.", field=name)


def _account(account: Account) -> dict[str, Any]:
    values = {name: getattr(account, name) for name in ACCOUNT}
    return {**values, "budget": _limits(account.budget)}


def _limits(budget: Budget | None) -> Mapping[str, Any] | None:
    return None if budget is None else dict(vars(budget))


def _run(point: Point) -> dict[str, Any]:
    charge = point.charge
    return {
        "run": charge.run,
        "at": charge.at,
        "name": charge.name,
        "fingerprint": charge.fingerprint,
        "status": "settled" if charge.settled else "reserved in full",
        "steps": charge.steps,
        "planned_steps": charge.planned.steps,
        "unit": charge.planned.unit,
        "group": charge.group,
        "noise_multiplier": charge.planned.noise_multiplier,
        "sample_rate": charge.planned.sample_rate,
        "unprotected": charge.planned.why or None,
        "epsilon_alone": point.alone,
        "epsilon_composed": point.epsilon,
        "delta": point.delta,
    }
