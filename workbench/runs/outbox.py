"""What a worker has to say, sent five times a second."""

from __future__ import annotations

import threading
from collections.abc import Callable

from workbench.runs.events import Event, Message, to_message
from workbench.runs.film import is_picture

#: Seconds between two sendings. Each one costs the notebook some milliseconds of a core.
PAUSE = 0.2


class Outbox:
    """Gathers events and sends them in batches, in order.

    The first event goes at once. Of the pictures of one kind in a batch only the last is sent;
    everything else is sent, however much it is.

    Args:
        send: called from a thread of the outbox with the messages of one batch.
        pause: seconds between two batches.
    """

    def __init__(self, send: Callable[[list[Message]], None], pause: float = PAUSE) -> None:
        self._send = send
        self._pause = pause
        self._gathered: list[Message] = []
        self._some = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._pump, name="outbox", daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Take an event."""
        message = to_message(event)
        with self._some:
            if is_picture(event):
                kind = message["kind"]
                self._gathered = [
                    other
                    for other in self._gathered
                    if other["kind"] != kind or not other["arrays"]
                ]
            self._gathered.append(message)
            self._some.notify()

    def close(self) -> None:
        """Send what is left; returns when it is sent."""
        self._closing.set()
        with self._some:
            self._some.notify()
        self._thread.join()

    def _pump(self) -> None:
        while True:
            with self._some:
                self._some.wait_for(lambda: self._gathered or self._closing.is_set())
                batch, self._gathered = self._gathered, []
            if not batch:
                return
            self._send(batch)
            self._closing.wait(self._pause)
