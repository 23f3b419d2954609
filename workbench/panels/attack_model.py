"""What the attack panel knows: its choices, the attack on the stage, the row under noise."""

from __future__ import annotations

import dataclasses
import uuid
from collections import defaultdict
from functools import partial
from typing import Any, Final

import traitlets as T

from workbench.attacks.config import AttackConfig
from workbench.errors import BadInput
from workbench.panels.attack_networks import check_size
from workbench.panels.attack_row import RUNGS, InPlace, NoiseRow
from workbench.panels.attack_scene import Scene, advance
from workbench.panels.attack_slice import Peek, check_number, previewed
from workbench.panels.attack_words import doing, who_sees_what
from workbench.panels.parts.model import Job, PanelModel
from workbench.panels.parts.pump import Batch
from workbench.panels.parts.states import BUSY
from workbench.runs.configs import config_to_json
from workbench.runs.events import Event
from workbench.runs.jobs import start

WORK: Final = "workbench.attacks.run:work"
PREVIEW, ATTACK = -2, -1
"""What the stage shows, beside the places of the row, which count from 0."""

_SLICE = ("image", "index", "size", "batch")


def begin(config: AttackConfig, study: str | None = None) -> Job:
    """One attack in the background."""
    return start(WORK, config_to_json(config), kind="attack", study=study)


class AttackModel(PanelModel):
    """Choices as in :class:`AttackConfig`, of which the floor is left out at first.

    Attributes:
        row_seconds: time that each attack of the row may take.
        filling: whether what runs, or ran last, is the row.
        scenes: by place of the row, and the single attack as :data:`ATTACK`.
        chosen: which of them is on the stage, or :data:`PREVIEW`.
        preview: the slice before anything runs.
    """

    image = T.Unicode("CT_small").tag(param=True)
    index = T.Int(0).tag(param=True)
    size = T.Int(64).tag(param=True)
    model = T.Unicode("unet").tag(param=True)
    task = T.Enum(["segmentation", "classification"], None, allow_none=True).tag(param=True)
    attack = T.Unicode("two-stage").tag(param=True)
    batch = T.Int(1).tag(param=True)
    seconds = T.Float(15.0).tag(param=True)
    noise_multiplier = T.Float(None, allow_none=True).tag(param=True)
    max_grad_norm = T.Float(1.0).tag(param=True)
    delta = T.Float(1e-5).tag(param=True)
    restarts = T.Int(1).tag(param=True)
    floor = T.Bool(False).tag(param=True)
    seed = T.Int(0).tag(param=True)
    surgery = T.Bool(True).tag(param=True)
    row_seconds = T.Float(10.0).tag(param=True)
    filling = T.Bool(False)
    scenes: T.Dict[int, Scene] = T.Dict()
    chosen = T.Int(PREVIEW)
    preview: T.Any = T.Any(None)

    def __init__(self, **params: Any) -> None:
        self._peek = Peek(self.guard(self._peeked))
        super().__init__(**params)
        self.observe(self._another_slice, _SLICE)
        self.observe(self._say_who_sees_what, [*sorted(self.params()), "scenes", "chosen"])
        self._another_slice()
        self._say_who_sees_what()

    def config(self, **changes: Any) -> AttackConfig:
        """The attack that is chosen.

        Raises:
            BadInput: a value is out of its range.
        """
        own = {field.name for field in dataclasses.fields(AttackConfig)}
        chosen = {name: value for name, value in self.params().items() if name in own}
        return AttackConfig(**{**chosen, **changes})

    def row_configs(self) -> list[AttackConfig]:
        """The attacks of the row: as chosen, but for the noise and the time."""
        return [
            self.config(noise_multiplier=noise, seconds=self.row_seconds, floor=False)
            for noise in RUNGS.values()
        ]

    @property
    def scene(self) -> Scene | None:
        """The attack on the stage."""
        return self.scenes.get(self.chosen)

    # What the buttons do.

    def start(self) -> None:
        """Carry out the attack that is chosen."""
        self._start(filling=False)

    def fill(self) -> None:
        """Carry it out under more and more noise."""
        self._start(filling=True)

    def show(self, place: int) -> None:
        """Put one attack on the stage, if there is one."""
        with self.lock:
            if place in self.scenes:
                self.chosen = place

    def _start(self, *, filling: bool) -> None:
        with self.lock:
            if self.status not in BUSY:
                self.filling = filling
                super().start()

    # What the panel's base asks for.

    def check(self) -> None:
        """Refuse what the attack would refuse, as far as that is known without its network."""
        if not self.image:
            raise BadInput("Name a file or a folder on this machine.", field="image")
        config = self.config()
        check_size(config.model, config.size)
        if not self.row_seconds > 0:
            raise BadInput(
                f"Seconds must be above 0, not {self.row_seconds:g}.", field="row_seconds"
            )
        slices = self._peek.answer(config.image, config.size)
        if isinstance(slices, BadInput):
            raise slices
        if slices is not None:
            check_number(slices, config)

    def launch(self) -> Job:
        """Begin one attack, or the six of the row."""
        if not self.filling:
            config = self.config()
            self.scenes = {**self.scenes, ATTACK: Scene(config=config)}
            self.chosen = ATTACK
            return begin(config)
        configs = self.row_configs()
        study = f"noise-row-{uuid.uuid4().hex[:8]}"
        kept = {at: scene for at, scene in self.scenes.items() if at == ATTACK}
        self.scenes = kept | {at: Scene(config=config) for at, config in enumerate(configs)}
        self.chosen = 0
        return NoiseRow(study, configs, partial(begin, study=study))

    def take(self, batch: Batch) -> None:
        """Bring the scenes up to date."""
        told: dict[int, list[Event]] = defaultdict(list)
        for event in batch:
            if isinstance(event, InPlace):
                told[event.place].append(event.event)
            elif not self.filling:
                told[ATTACK].append(event)
        now = {at: advance(self.scenes[at], events) for at, events in told.items()}
        self.scenes = {**self.scenes, **now}
        self.doing = self._words()

    def refuse(self, sentence: str, field: str | None) -> None:
        """Put a sentence under its control; two of them have other names in the rooms below."""
        super().refuse(sentence, {"data": "image", "image_size": "size"}.get(field or "", field))

    # What is shown and said before anything runs.

    def _words(self) -> str:
        if not self.filling:
            return doing(self.scenes[ATTACK])
        working = [
            title
            for at, title in enumerate(RUNGS)
            if self.scenes[at].now is not None and self.scenes[at].result is None
        ]
        return " and ".join(working)

    def _another_slice(self, _change: Any = None) -> None:
        with self.lock:
            if self.image:
                self._peek.ask(self.image, self.size)
            if self.status not in BUSY:
                self.chosen = PREVIEW
            self._preview()

    def _peeked(self) -> None:
        with self.lock:
            if self.status not in BUSY:
                self._tell()
                self.guarded(self.check)
            self._preview()

    def _preview(self) -> None:
        slices = self._peek.answer(self.image, self.size)
        if slices is None or isinstance(slices, BadInput):
            self.preview = None
        else:
            self.preview = previewed(slices, self.index, self.batch)

    def _say_who_sees_what(self, _change: Any = None) -> None:
        with self.lock:
            scene = self.scene
            try:
                config = self.config() if scene is None else scene.config
            except BadInput:
                return  # stands under its control
            self.guarantee, self.tone = who_sees_what(config, scene.facts if scene else {})
