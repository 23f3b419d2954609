"""An audit on one page: the verdict, what each test has shown and assumed, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jinja2
import numpy as np

from workbench.accounting.guarantee import round_up
from workbench.accounting.mechanism import Mechanism
from workbench.figures.audit_ladder import draw_ladder, ladder_numbers, said
from workbench.figures.audit_laws import draw_laws, laws_numbers
from workbench.figures.audit_trade_off import draw_trade_off, trade_off_numbers
from workbench.figures.ethics_card import EthicsNumbers, ethics_html, ethics_numbers
from workbench.figures.page import Markup, Picture, Section, Table, draw_page
from workbench.runs.events import from_json

PASSED: Final = "✓\N{NO-BREAK SPACE}passed"
CAUGHT: Final = "✗\N{NO-BREAK SPACE}caught"
KNOWN: Final = "!\N{NO-BREAK SPACE}accepted"
"""Of a probe, told apart by shape and word; what was accepted beforehand is still there."""

_FINDINGS: Final = jinja2.Environment(autoescape=True).from_string(
    """<p>{{ says }}</p>{% if rows %}<table><tbody>
{% for row in rows %}<tr>{% for cell in row %}<td style="text-align:left;padding-right:12px">
{{- cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>{% endif %}<p>{{ notes }}</p>"""
)


def audit_page(result: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """The report of a finished audit as one HTML page that needs nothing else.

    Args:
        result: of the audit.
        arrays: that belong to it.
    """
    result = from_json(dict(result))
    sections = [
        Section(
            title="What is claimed, and what the tests have shown",
            paragraphs=(
                f"Claimed: {result['statement']}",
                "Each bar is a lower bound on ε with the confidence of its test; the weaker the "
                "assumption, the shorter, as a rule, the bar of correct code. A bar above the "
                "claim speaks against it.",
            ),
            parts=(
                Picture(
                    figure=draw_ladder(ladder_numbers(result), height=360),
                    shows="The assumption ladder",
                ),
                _rungs(result),
            ),
        ),
        Section(
            title="False alarms against misses",
            paragraphs=(
                "If the claim holds, no test lies under the curve. The rectangle is what is "
                "certain about the audit's own test.",
            ),
            parts=(
                Picture(
                    figure=draw_trade_off(trade_off_numbers(arrays)),
                    shows="The claim's trade-off curve and the audit's operating points",
                ),
            ),
        ),
        Section(
            title="Noise and sampling",
            parts=(
                Picture(
                    figure=draw_laws(laws_numbers(result, arrays)),
                    shows="Histograms of the noise and of the units drawn, with their laws",
                ),
            ),
        ),
        Section(
            title="Probes",
            parts=(_probes(result),),
            notes=(
                "p is how likely a correct implementation shows as much or more. The claim is "
                f"falsified at a level of {result['level']:g} for all tests together.",
            ),
        ),
        _meaning(result),
        Section(
            title="What this audit can notice",
            parts=(_power(result),),
            notes=(
                "An audit can falsify a claim and never prove it: what it did not notice may "
                "still be there. It says nothing about leaks outside of the mechanism, such as "
                "metrics that were shown or weights that were chosen by looking.",
            ),
        ),
        Section(title="How it was audited", parts=(_setting(result),)),
    ]
    return draw_page(f"Privacy audit: {result['verdict']}", _sentence(result["says"]), sections)


def findings_html(result: Mapping[str, Any]) -> str:
    """Verdict and what caught the bug, as a piece of HTML under an exercise."""
    result = from_json(dict(result))
    claimed = f"{round_up(result['epsilon_claimed'])} is claimed"
    bars = [
        (one["label"], f"ε ≥ {said(one['epsilon'])}, where {claimed}.",
         one["name"] in result["caught_by"])
        for one in result["ladder"]
    ]  # fmt: skip
    probes = [
        (one["test"].replace("-", " "), one["says"], one["caught"]) for one in result["probes"]
    ]
    rows = [(CAUGHT, test, says) for test, says, caught in (*bars, *probes) if caught]
    others = len(bars) + len(probes) - len(rows)
    shown = ", ".join(f"{one['label']} {said(one['epsilon'])}" for one in result["ladder"])
    notes = f"{others} other tests saw nothing. The ladder: {shown}; {claimed}."
    return _FINDINGS.render(rows=rows, says=_sentence(result["says"]), notes=notes)


def _card(result: Mapping[str, Any]) -> EthicsNumbers:
    """What the claim of an audit leaves to an attacker; takes about a second."""
    claim = result["claim"]
    mechanism = Mechanism(
        noise_multiplier=claim["noise_multiplier"],
        sample_rate=claim["sample_rate"],
        steps=claim["steps"],
    )
    name = "The claim that was audited"
    return ethics_numbers([mechanism], delta=claim["delta"], unit=claim["unit"], name=name)


def _setting(result: Mapping[str, Any]) -> Table:
    claim = result["claim"]
    rows = {
        "noise multiplier": f"{claim['noise_multiplier']:g}",
        "sample rate": f"{claim['sample_rate']:g}",
        "steps charged": f"{claim['steps']:,}",
        "δ": f"{claim['delta']:g}",
        "unit": claim["unit"],
        "adjacency": claim["adjacency"],
        "engine": result["engine"],
        "network": result["network"],
        "optimizer": result["optimizer"],
        "bug put in on purpose": result["bug"] or "none",
        "canaries": f"{result['canaries']:,}, of which {result['members']:,} took part",
        "coordinates with noise alone": f"{result['nulls']:,}",
        "time": f"{result['seconds']:.1f} s, and {result['planning_seconds']:.1f} s for planning",
    }
    return Table(columns=("what", "value"), rows=tuple(rows.items()))


def _rungs(result: Mapping[str, Any]) -> Table:
    rows = [
        (one["label"], said(one["epsilon"]), said(one["ceiling"]), said(one["expected"]),
         f"{one['p_value']:.2g}", one["assumption"])
        for one in result["ladder"]
    ]  # fmt: skip
    claimed = ("Accountant", f"at most {round_up(result['epsilon_claimed'])}", "", "", "",
               "The code does what is claimed.")  # fmt: skip
    columns = ("test", "ε at least", "could show", "correct code", "p of the claim", "assumes")
    return Table(columns=columns, rows=(*rows, claimed))


def _probes(result: Mapping[str, Any]) -> Table:
    rows = [
        (_mark(one, result), one["room"], one["says"],
         f"{one['p_value']:.2g}")
        for one in sorted(result["probes"], key=lambda one: not one["caught"])
    ]  # fmt: skip
    return Table(columns=("", "looks at", "finding", "p"), rows=tuple(rows))


def _mark(one: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    if one["test"] in result["accepted"]:
        return KNOWN
    return CAUGHT if one["caught"] else PASSED


def _meaning(result: Mapping[str, Any]) -> Section:
    """The card for an ethics board, unless the claim that it rests on has fallen."""
    title = "What the claim means for a person"
    if result["caught_by"]:
        return Section(
            title=title,
            paragraphs=("Nothing can be said: the claim is falsified, and its bounds with it.",),
        )
    return Section(title=title, parts=(Markup(html=ethics_html(_card(result))),))


def _power(result: Mapping[str, Any]) -> Table:
    chances = result["power"].items()
    # Rounded to 1.00 it would promise what no test can.
    rows = tuple((what, "> 0.99" if p > 0.99 else f"{p:.2f}") for what, p in chances)
    return Table(columns=("mistake", "noticed with probability"), rows=rows)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
