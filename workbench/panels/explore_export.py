"""The study as a folder: a button, and where the files went."""

from __future__ import annotations

from pathlib import Path

import ipywidgets as W

from workbench.errors import BadInput
from workbench.exploring.config import ExploreConfig
from workbench.panels.explore_model import ExploreModel
from workbench.panels.parts.controls import PushButton
from workbench.panels.parts.latest import Latest
from workbench.panels.parts.words import Statement


class ExportStudy(W.VBox):
    """Writes report, figures and numbers of the study into a folder beside the notebook.

    Args:
        model: whose study is written.
    """

    def __init__(self, model: ExploreModel) -> None:
        self.model = model
        self.work = Latest("export of the study")
        self.button = PushButton(
            "Export", model.guard(self.export),
            help="Write a report, all figures and all numbers into a folder beside the notebook",
        )  # fmt: skip
        self.said = Statement()
        super().__init__([self.button, self.said])
        model.observe(model.guard(self._show), ["explored"])
        self._show()

    def export(self) -> None:
        """Write what is finished; the figures take up to a minute, in the background.

        Raises:
            BadInput: nothing is finished.
        """
        if not self.model.explored:
            raise BadInput("No training of this study is finished, so there is nothing to export.")
        config = self.model.config()
        folder = Path.cwd() / config.study
        self.said.text = "Drawing the figures …"
        self.work.ask(self.model.guard(lambda: self._write(config, folder)))

    def _write(self, config: ExploreConfig, folder: Path) -> None:
        from workbench.figures.study_page import export_study

        said = ""
        try:
            written = export_study(config, self.model.store, folder)
            said = f"{len(written)} files in {folder.name}, the report is {written[0].name}."
        finally:
            self.said.text = said

    def _show(self, _change: object = None) -> None:
        self.layout.display = "" if self.model.explored else "none"
