"""A guarantee in natural frequencies, for people who decide and do not reckon with epsilon.

Odds of so many in a thousand are understood by more people than epsilon or percentages are
(Nanayakkara et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import jinja2

from workbench.accounting.attacker import FALSE_ALARMS, Odds, odds
from workbench.accounting.composition import composed_epsilon
from workbench.accounting.guarantee import round_up
from workbench.accounting.mechanism import Mechanism
from workbench.accounting.posterior import predictive_value, worst_output_posterior
from workbench.figures.theme import PALETTE

PREVALENCE: Final = 0.01
"""Share of those tested who took part, where accusations are counted."""

_COLUMNS: Final = 50


class EthicsNumbers(NamedTuple):
    """What a run leaves to the best attacker there can be.

    Attributes:
        name: of the run, in words.
        epsilon: of the run; infinity where nothing is guaranteed.
        delta: in (0, 1).
        unit: who is protected, a patient or a slice.
        odds: accuracy at even odds, share found at one false alarm in a hundred, and probability
            of naming one in a thousand; upper bounds.
        predictive: share of the accused who took part, at :data:`PREVALENCE` and one false alarm
            in a hundred, at most.
        posterior: belief after the worst output, from even odds.
    """

    name: str
    epsilon: float
    delta: float
    unit: str
    odds: Odds
    predictive: float
    posterior: float


@dataclass(frozen=True)
class Card:
    """One question and its answer: ``count`` of ``of``."""

    question: str
    kind: str
    count: int
    of: int
    words: str


def ethics_numbers(
    mechanisms: Sequence[Mechanism], *, delta: float, unit: str, name: str
) -> EthicsNumbers:
    """Reckon what these mechanisms leave to an attacker; takes about a second.

    Args:
        mechanisms: everything that was released.
        delta: in (0, 1).
        unit: ``"patient"`` or ``"slice"``.
        name: of the run, in words.
    """
    epsilon = composed_epsilon(mechanisms, delta)
    found = odds(mechanisms)
    return EthicsNumbers(
        name=name,
        epsilon=epsilon,
        delta=delta,
        unit=unit,
        odds=found,
        predictive=predictive_value(found.found, FALSE_ALARMS, PREVALENCE),
        posterior=worst_output_posterior(epsilon),
    )


def ethics_cards(numbers: EthicsNumbers) -> tuple[Card, ...]:
    """The four questions; every count is rounded up, so that it stays a bound."""
    one, many = numbers.unit, f"{numbers.unit}s"
    right = _of(numbers.odds.accuracy, 1000)
    accused = _of(numbers.predictive, 100)
    sure = _of(numbers.posterior, 1000)
    named = _of(numbers.odds.reconstructed, 1000)
    return (
        Card(
            f"Did this {one} take part?", "at even odds", right, 1000,
            f"Half of 1,000 {many} took part. A coin is right about 500 of them; the best "
            f"attacker there can be, about {right:,} at most.",
        ),
        Card(
            "Does an accusation hold?", "chosen operating point", accused, 100,
            f"10 of 1,000 {many} took part, and the attacker accepts one false alarm in a hundred. "
            f"Of 100 {many} accused, at most {accused} took part.",
        ),
        Card(
            "How sure can anyone be?", "worst output", sure, 1000,
            f"If the worst output came that there is, whoever was undecided about 1,000 {many} "
            f"could be right about {sure:,}. It may hardly ever come.",
        ),
        Card(
            "Which one of a thousand is it?", "identification", named, 1000,
            f"With 1,000 equally likely {many} and nothing else, a guess is right once in 1,000 "
            f"times; with everything that was released, at most {named:,} times.",
        ),
    )  # fmt: skip


def ethics_html(numbers: EthicsNumbers) -> str:
    """The cards as a piece of HTML that needs nothing else and follows the page's colours."""
    epsilon = round_up(numbers.epsilon)
    lead = (
        f"{numbers.name}: ε = {epsilon} at δ = {numbers.delta:g} for one {numbers.unit}. That "
        "leaves to any attacker, whatever else they know, at most the following, if the code does "
        "what is claimed."
    )
    return _TEMPLATE.render(
        lead=lead,
        cards=[(card, _icons(card), f"{card.count:,} of {card.of:,}")
               for card in ethics_cards(numbers)],
        note=_NOTE,
    )  # fmt: skip


_NOTE: Final = (
    "Attacks that were really made on medical images reach much less than such bounds "
    "(Ziller et al. 2024). That is what today's attackers did; the bounds are what holds whoever "
    "comes."
)

_TEMPLATE: Final = jinja2.Environment(autoescape=True).from_string(
    """<div class="wb-ethics" style="font-size:13px;line-height:1.45">
<p style="margin:0 0 10px">{{ lead }}</p>
<div style="display:grid;grid-template-columns:repeat(auto-fit,minmax(172px,1fr));gap:10px">
{% for card, icons, count in cards %}<div role="group" aria-label="{{ card.question }}"
 style="border:1px solid #8a919c;border-radius:8px;padding:8px 10px">
<div style="font-weight:600">{{ card.question }}</div>
<div style="font-style:italic">{{ card.kind }}</div>
<div style="font-size:20px;font-weight:650;white-space:nowrap;margin:2px 0 4px">{{ count }}</div>
{{ icons | safe }}
<div style="margin-top:8px">{{ card.words }}</div>
</div>
{% endfor %}</div>
<p style="margin:10px 0 0">{{ note }}</p>
</div>"""
)


def _of(share: float, whole: int) -> int:
    return min(whole, math.ceil(round(share * whole, 6)))


def _icons(card: Card) -> str:
    """One dot for each; those that count are larger, so that colour is not needed.

    Dots are the round ends of dashes without length: a row is one line.
    """
    rows = []
    columns = min(_COLUMNS, card.of // 4)
    for row in range(card.of // columns):
        counted = min(max(card.count - row * columns, 0), columns)
        rows.append(_dots(row, 0, counted, PALETTE["vermillion"], 0.92))
        rows.append(_dots(row, counted, columns, "#9aa0a8", 0.5))
    high = card.of // columns
    return (
        f'<svg viewBox="0 0 {columns} {high}" role="img" aria-label="{card.count} of {card.of} '
        f'dots" style="display:block;width:100%;height:auto">{"".join(rows)}</svg>'
    )


def _dots(row: int, first: int, end: int, colour: str, size: float) -> str:
    if end <= first:
        return ""
    return (
        f'<path d="M{first + 0.5} {row + 0.5}H{end - 0.49}" stroke="{colour}" '
        f'stroke-width="{size}" stroke-linecap="round" stroke-dasharray="0 1"/>'
    )
