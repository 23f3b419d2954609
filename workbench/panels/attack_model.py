"""What the attack panel knows: its choices, the attack on the stage, the row under noise."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import traitlets as T

from workbench.attacks.config import AttackConfig
from workbench.errors import BadInput
from workbench.panels.attack_cases import FEW, case_words, realistic_case, worst_case
from workbench.panels.attack_choices import AttackChoices
from workbench.panels.attack_row import FLOOR, RUNGS, InPlace, NoiseRow
from workbench.panels.attack_scene import Scene, advance, floor_of
from workbench.panels.attack_slice import PHANTOM, SLICES, Peek, check_number, previewed
from workbench.panels.attack_trained import newest_training
from workbench.panels.attack_words import doing, who_sees_what
from workbench.panels.parts.model import Job
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


class AttackModel(AttackChoices):
    """The choices, and every attack that was made of them.

    Attributes:
        filling: whether what runs, or ran last, is the row.
        scenes: by place of the row, and the single attack as :data:`ATTACK`.
        chosen: which of them is on the stage, or :data:`PREVIEW`.
        preview: the slice before anything runs.
        case: which case the choices are, worst or realistic, in a sentence.
    """

    filling = T.Bool(False)
    scenes: T.Dict[int, Scene] = T.Dict()
    chosen = T.Int(PREVIEW)
    preview: T.Any = T.Any(None)
    case = T.Unicode()

    def __init__(self, **params: Any) -> None:
        self._peek = Peek(self.guard(self._peeked))
        super().__init__(**params)
        self.observe(self._another_slice, _SLICE)
        self.observe(self._say_who_sees_what, [*sorted(self.params()), "scenes", "chosen"])
        self.observe(self._say_case, sorted(self.params()))
        self._another_slice()
        self._say_who_sees_what()
        self._say_case()

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

    def worst_case(self) -> None:
        """Choose everything that helps the attacker; the slice stays."""
        self._take_case(worst_case())

    def realistic_case(self) -> None:
        """Choose what an attacker meets in a real training; the slice stays where it can."""
        with self.lock:
            found = newest_training()
            slices = self._peek.answer(self.image, self.size)
            if slices is None:  # not here yet; only the built-in ones can be foretold
                few = self.image in SLICES
            else:
                few = isinstance(slices, BadInput) or len(slices) < FEW
            self._take_case(realistic_case(found, image=PHANTOM if few else None))

    def _take_case(self, choices: Mapping[str, Any]) -> None:
        with self.lock:
            if self.status in BUSY:
                return
            with self.hold_trait_notifications():  # between the two cases lies nothing sensible
                self.set(**choices)
            self._tell()
            self.guarded(self.check)

    def _start(self, *, filling: bool) -> None:
        with self.lock:
            if self.status not in BUSY:
                self.filling = filling
                super().start()

    # What the panel's base asks for.

    def check(self) -> None:
        """Refuse what the attack would refuse, as far as that is known without its network."""
        super().check()
        config = self.config()
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
        if FLOOR - 1 in now and (floor := floor_of(now[FLOOR - 1])) is not None:
            now[FLOOR] = floor
        self.scenes = {**self.scenes, **now}
        self.doing = self._words()

    # What is shown and said before anything runs.

    def _words(self) -> str:
        if not self.filling:
            return doing(self.scenes[ATTACK])
        working = [
            title
            for at, title in enumerate(RUNGS)
            if self.scenes[at].now is not None and self.scenes[at].result is None
        ]
        last = self.scenes[FLOOR - 1]
        if last.floor is not None and last.result is None:
            working[-1] = "the same on pure noise"
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

    def _say_case(self, _change: Any = None) -> None:
        with self.lock:
            try:
                self.case = case_words(self.config())
            except BadInput:
                return  # stands under its control
