"""A study on one page and in one folder: what was found, what it guarantees, what looking cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from workbench.accounting.guarantee import round_up
from workbench.accounting.ledger.ledger import Ledger
from workbench.exploring.config import ExploreConfig
from workbench.exploring.events import Explored
from workbench.exploring.job import finished_before
from workbench.exploring.meaning import Meaning, meanings
from workbench.exploring.price import Price
from workbench.exploring.shown import one_for_each_budget, shown_by
from workbench.exploring.study_price import drawn, price_lines, price_of_study
from workbench.exploring.tables import write_tables
from workbench.figures.attacker import attacker_numbers
from workbench.figures.export import FORMATS, AnyFigure, export_figures
from workbench.figures.fading import draw_fading, fading_numbers
from workbench.figures.frontier import draw_frontier, frontier_numbers
from workbench.figures.groups import draw_groups, groups_numbers
from workbench.figures.page import Picture, Section, Table, draw_page
from workbench.figures.price import draw_price, price_numbers
from workbench.figures.training_curves import SCORE_TITLES
from workbench.runs.files import write_whole
from workbench.runs.store import Store

SHOWS = {
    "frontier": "Utility over epsilon, every training a point, and the attacker's odds beneath",
    "groups": "Utility of each group of patients over epsilon",
    "fading": "Predictions and their reasons for the same patients at every epsilon",
    "price": "What looking at the study costs",
}


@dataclass(frozen=True, kw_only=True)
class Study:
    """Everything that is known of a study.

    Attributes:
        config: of the study.
        explored: its finished trainings.
        meaning: baselines, and the odds of an attacker.
        price: of looking; ``None`` where nothing was asked to be private.
        store: where the trainings are recorded.
    """

    config: ExploreConfig
    explored: Sequence[Explored]
    meaning: Meaning
    price: Price | None
    store: Store

    @property
    def metric(self) -> str:
        """That the study is compared by."""
        return self.config.metric or (self.explored[0].score_name if self.explored else "dice")


def known_study(config: ExploreConfig, store: Store) -> Study:
    """Look a study up; takes seconds, as odds and prices are reckoned.

    Raises:
        BadInput: its data or its ledger cannot be read.
    """
    explored = finished_before(config, store)
    metric = config.metric or (explored[0].score_name if explored else "dice")
    *_, meaning = meanings(explored, config.train, metric, store, Meaning())
    price = price_of_study([one.run for one in explored], store, Ledger(store.root))
    return Study(config=config, explored=explored, meaning=meaning, price=price, store=store)


def export_study(
    config: ExploreConfig, store: Store, folder: Path, *, kinds: tuple[str, ...] = FORMATS
) -> list[Path]:
    """A study as a folder: ``report.html``, its figures in every format, and all its numbers.

    Args:
        config: of the study.
        store: where its trainings are recorded.
        folder: to write into.
        kinds: formats of the figures.

    Returns:
        What was written, the report first.

    Raises:
        BadInput: nothing is finished, the folder cannot be written, or a figure needs a browser
            that is not there. What was written before stays.
    """
    study = known_study(config, store)
    figures = study_figures(study)
    tables = write_tables(config, study.explored, folder)
    report = folder / "report.html"
    write_whole(report, lambda file: file.write(draw_study(study, figures).encode()))
    return [report, *tables, *export_figures(figures, folder, kinds)]


def study_figures(study: Study) -> dict[str, AnyFigure]:
    """By name each figure that the study has something to show in."""
    private = study.config.train.privacy
    odds = attacker_numbers(
        study.meaning.odds,
        delta=private.delta if private else 0.5,
        unit=private.unit if private else "patient",
    )
    numbers = frontier_numbers(study.explored, study.metric, baselines=study.meaning.baselines)
    found: dict[str, AnyFigure] = {"frontier": draw_frontier(numbers, odds)}
    if any(one.groups for one in study.explored):
        found["groups"] = draw_groups(groups_numbers(study.explored, study.metric))
    opened = [shown_by(one, study.store) for one in one_for_each_budget(study.explored)]
    shown = [one for one in opened if one is not None]
    if shown:
        found["fading"] = draw_fading(fading_numbers(shown))
    price = study.price
    if price is not None and price.runs:
        found["price"] = draw_price(price_numbers(price))
    return found


def draw_study(study: Study, figures: Mapping[str, AnyFigure]) -> str:
    """The report as one HTML page that needs nothing else.

    Args:
        study: what it tells of.
        figures: of :func:`study_figures`.
    """
    pictures = {name: Picture(figure=one, shows=SHOWS[name]) for name, one in figures.items()}
    free = drawn(study.config.train.data)
    sections = [
        Section(
            title="What privacy costs",
            paragraphs=tuple(one.words for one in study.meaning.baselines),
            parts=(pictures["frontier"], _medians(study)),
        ),
        Section(title="Who pays", parts=tuple(pictures[n] for n in ("groups",) if n in pictures)),
        Section(title="The same patients at every epsilon",
                parts=tuple(pictures[n] for n in ("fading",) if n in pictures)),
        Section(
            title="What looking cost",
            paragraphs=tuple(price_lines(study.price, free=free)),
            parts=tuple(pictures[n] for n in ("price",) if n in pictures),
        ),
        Section(title="Every training", parts=(_runs(study),), notes=_guarantees(study)),
    ]  # fmt: skip
    trainings = f"{len(study.explored)} trainings on {study.config.train.data}"
    lead = f"{trainings}, study {study.config.study}. Every number was computed by the runs named."
    return draw_page("What privacy costs", lead, [s for s in sections if s.parts or s.paragraphs])


def _medians(study: Study) -> Table:
    rows = []
    for epsilon in sorted({one.epsilon for one in study.explored}):
        scores = [one.score for one in study.explored if one.epsilon == epsilon]
        rows.append(
            (_said(epsilon), f"{median(scores):.3f}", f"{min(scores):.3f}", f"{max(scores):.3f}",
             str(len(scores)))
        )  # fmt: skip
    return Table(
        columns=("epsilon", f"median {SCORE_TITLES[study.metric]}", "lowest", "highest", "runs"),
        rows=tuple(rows),
    )


def _runs(study: Study) -> Table:
    rows = [
        (_said(one.epsilon), str(one.seed), f"{one.score:.3f}", f"{one.noise_multiplier:.3f}",
         one.run)
        for one in sorted(study.explored, key=lambda one: (one.epsilon, one.seed))
    ]  # fmt: skip
    columns = ("epsilon", "seed", SCORE_TITLES[study.metric], "noise multiplier", "run")
    return Table(columns=columns, rows=tuple(rows))


def _guarantees(study: Study) -> tuple[str, ...]:
    """The sentence of one training at each budget; those of other seeds are the same."""
    by_epsilon = {one.epsilon: one.guarantee for one in study.explored}
    return tuple(by_epsilon[epsilon] for epsilon in sorted(by_epsilon))


def _said(epsilon: float) -> str:
    return "∞ (no privacy)" if math.isinf(epsilon) else round_up(epsilon)
