"""An audit's result as a person reads it in a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def words_for(result: Mapping[str, Any]) -> str:
    """Verdict and figures, engines and bugs, or the table of the zoo."""
    for key, words in (
        ("audits", _every),
        ("rows", _zoo),
        ("attacks", _membership),
        ("identification", _told),
    ):
        if key in result:
            return words(result)
    if "bugs" in result and "engines" in result:
        return _known(result)
    return _one(result)


def _one(result: Mapping[str, Any]) -> str:
    from workbench.accounting.guarantee import round_up

    rows = [
        f"  {_number(rung['epsilon']):>8}  {rung['label']} (correct code: about "
        f"{_number(rung['expected'])}; {_limit(rung['ceiling'])})"
        + (" falsifies the claim" if rung["name"] in result["caught_by"] else "")
        for rung in result["ladder"]
    ]
    caught = [f"  {one['test']}: {one['says']}" for one in result["probes"] if one["caught"]]
    return "\n".join(
        [
            f"Run {result['run']}: {result['says']}.".replace("..", "."),
            f"Claimed: {result['statement']}",
            "Epsilon is at least",
            *rows,
            f"  {round_up(float(result['epsilon_claimed'])):>8}  is the most by the accountant",
            *(["Caught by:"] if caught else [f"{len(result['probes'])} probes found nothing."]),
            *caught,
            f"In {result['seconds']:.1f} s, and {result['planning_seconds']:.1f} s for planning.",
        ]
    )


def _every(result: Mapping[str, Any]) -> str:
    lines = [f"{name:34} {one['says']}" for name, one in result["audits"].items()]
    return "\n".join([*lines, f"{result['verdict']}, in {result['seconds']:.0f} s"])


def _zoo(result: Mapping[str, Any]) -> str:
    wrong = [f"missed: {', '.join(result['missed'])}"] if result["missed"] else []
    if result["false_alarms"]:
        wrong.append(f"false alarms: {', '.join(result['false_alarms'])}")
    return "\n".join(
        [
            *(f"{row['bug']:26} {', '.join(row['caught_by']) or '-'}" for row in result["rows"]),
            *(wrong or ["Every bug was caught, and nothing was found where there is none."]),
            f"In {result['seconds']:.0f} s.",
        ]
    )


def _membership(result: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            *(f"{one['label']:30} {_success(one)}" for one in result["attacks"].values()),
            *result["words"],
        ]
    )


def _told(result: Mapping[str, Any]) -> str:
    return "\n".join([f"{result['verdict']}: {result['statement']}", *result["words"]])


def _success(attack: Mapping[str, Any]) -> str:
    area = attack["auc"]
    rates = ", ".join(
        f"{rate['value']:.3f} of members at {rate['at']:.1%} false alarms"
        + ("" if rate["reliable"] else " (too few to tell)")
        for rate in attack["rates"]
    )
    return f"AUC {area['value']:.3f} [{area['low']:.3f}, {area['high']:.3f}], {rates}"


def _known(result: Mapping[str, Any]) -> str:
    kinds = ("engines", "bugs")
    return "\n".join(
        line
        for kind in kinds
        for line in (f"{kind}:", *(f"  {name:28} {about}" for name, about in result[kind].items()))
    )


def _limit(ceiling: Any) -> str:
    return "no limit" if math.isinf(float(ceiling)) else f"at most {_number(ceiling)}"


def _number(value: Any) -> str:
    return f"{float(value):.3g}"
