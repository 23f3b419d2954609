"""Jobs in worker processes: they report, pause, stop, fail and wait as promised."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import psutil
import pytest
from works import Drawn

from workbench.errors import BadInput, NothingToResume, WorkbenchError
from workbench.runs import elsewhere, jobs
from workbench.runs.crew import Crew
from workbench.runs.events import (
    TERMINAL,
    Cancelled,
    Event,
    Failed,
    Finished,
    Progress,
    Started,
)
from workbench.runs.files import DiskFull
from workbench.runs.inline import drive
from workbench.runs.job import Job
from workbench.runs.jobs import attach, start
from workbench.runs.store import Store
from workbench.runs.work import outcome
from workbench.runs.worker import DISMISSED

PATIENCE = 120.0
"""Seconds until a test gives up. Only what is broken takes so long, but on a machine with much else
to do a worker may need a minute to start."""


@pytest.fixture(scope="module", autouse=True)
def _workers_go_home() -> Iterator[None]:
    yield
    jobs.close()


@pytest.fixture
def begin(store: Store) -> Iterator[Callable[..., Job]]:
    """Start a job that is stopped at the end of the test if need be."""
    begun: list[Job] = []

    def begin(work: str, config: dict[str, Any] | None, **more: Any) -> Job:
        job = start(f"works:{work}", config, kind="test", store=store, **more)
        begun.append(job)
        return job

    yield begin
    for job in begun:
        job.cancel()
    for job in begun:
        ended(job)


def ended(job: Job) -> Event:
    """The last event, however the job ended."""
    assert job._done.wait(PATIENCE), job
    return job.events[-1]


def until(true: Callable[[], object]) -> None:
    """Wait for something that happens in another thread or process."""
    latest = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < latest, "it did not happen"
        time.sleep(0.01)


def counted(events: list[Event]) -> list[float]:
    return [event.done for event in events if isinstance(event, Progress)]


def test_a_job_returns_its_result_and_is_recorded(begin: Callable[..., Job], store: Store) -> None:
    job = begin("count", {"to": 25}, study="s")
    assert job.result(PATIENCE) == {"counted": 25}
    assert job.status == "finished"
    assert job.progress == (25, 25)
    assert counted(job.events) == list(range(1, 26))
    record = store.record(job.run)
    assert (record.status, record.result, record.study) == ("finished", {"counted": 25}, "s")
    assert record.fingerprint == "abc"
    np.testing.assert_array_equal(store.arrays(job.run)["all"], np.arange(25))
    assert store.checkpoint(job.run).tensors["sum"][0] == 20
    assert counted(list(store.events(job.run))) == list(range(1, 26))


def test_inline_and_in_a_worker_the_same_is_recorded(
    begin: Callable[..., Job], store: Store
) -> None:
    here, there = begin("count", {"to": 25}, where="inline"), begin("count", {"to": 25})
    assert here.status == "finished"
    assert here.result() == there.result(PATIENCE)
    left, right = list(store.events(here.run)), list(store.events(there.run))
    assert list(map(repr, left)) == list(map(repr, right))
    assert list(map(repr, here.events)) == list(map(repr, there.events))
    assert store.record(here.run).result == store.record(there.run).result


def test_a_subscriber_sees_every_event_once_and_in_order(begin: Callable[..., Job]) -> None:
    job = begin("count", {"to": 40, "rest": 0.01})
    early: list[Event] = []
    late: list[Event] = []
    job.subscribe(early.append)
    until(lambda: len(job.events) > 10)
    job.subscribe(late.append)
    job.result(PATIENCE)
    until(lambda: isinstance(late[-1], TERMINAL))
    assert counted(early) == counted(late) == list(range(1, 41))


def test_a_subscriber_that_fails_stops_nobody_else(
    begin: Callable[..., Job], caplog: pytest.LogCaptureFixture
) -> None:
    job = begin("count", {"to": 3})
    seen: list[Event] = []

    def fail(event: Event) -> None:
        raise ValueError("broken panel")

    job.subscribe(fail)
    job.subscribe(seen.append)
    assert job.result(PATIENCE) == {"counted": 3}
    until(lambda: isinstance(seen[-1], Finished))
    assert "a subscriber failed" in caplog.text


def test_a_subscription_can_be_ended(begin: Callable[..., Job]) -> None:
    job = begin("tidy", {"file": os.devnull})
    seen: list[Event] = []
    leave = job.subscribe(seen.append)
    until(lambda: seen)
    leave()
    job.cancel()
    ended(job)
    assert not any(isinstance(event, TERMINAL) for event in seen)


def test_pictures_come_while_the_work_goes_on_and_are_thinned(
    begin: Callable[..., Job], store: Store
) -> None:
    job = begin("draw", {"frames": 400, "rest": 0.002})
    job.result(PATIENCE)
    shown = [event for event in job.events if isinstance(event, Drawn)]
    assert len(shown) >= 3
    assert shown[-1].number == 399
    assert all((event.image == event.number % 256).all() for event in shown)
    kept = [event for event in store.events(job.run) if isinstance(event, Drawn)]
    assert [event.number for event in kept] == [event.number for event in shown]


def test_nothing_happens_while_a_job_is_paused(begin: Callable[..., Job], store: Store) -> None:
    job = begin("tidy", {"file": os.devnull})
    until(lambda: job.events)
    job.pause()
    assert job.status == "paused"
    assert store.record(job.run).status == "paused"
    time.sleep(0.5)
    before = len(job.events)
    time.sleep(0.5)
    assert len(job.events) == before
    job.go_on()
    assert job.status == "running"
    until(lambda: len(job.events) > before + 10)


def test_a_paused_job_can_be_stopped(begin: Callable[..., Job]) -> None:
    job = begin("tidy", {"file": os.devnull})
    job.pause()
    until(lambda: job.status == "paused")
    job.cancel()
    assert ended(job) == Cancelled()


def test_a_stopped_job_cleans_up_and_keeps_what_it_has(
    begin: Callable[..., Job], store: Store, tmp_path: Path
) -> None:
    job = begin("tidy", {"file": str(tmp_path / "mark")})
    until(lambda: job.events)
    job.cancel()
    assert ended(job) == Cancelled()
    assert (tmp_path / "mark").read_text() == "closed"
    assert job.status == store.record(job.run).status == "cancelled"
    assert counted(list(store.events(job.run)))
    with pytest.raises(WorkbenchError, match="The run was stopped"):
        job.result()


def test_bad_input_names_its_field(begin: Callable[..., Job], store: Store) -> None:
    job = begin("refuse", {})
    with pytest.raises(BadInput, match="Colour must be grey") as caught:
        job.result(PATIENCE)
    assert caught.value.field == "colour"
    assert store.record(job.run).message == job.message == "Colour must be grey."


@pytest.mark.parametrize(
    ("work", "sentence", "details"),
    [
        ("divide", "The work stopped with an error, ZeroDivisionError", "1 / config"),
        ("fall_silent", "ended without a result", "returned"),
        ("babble", "yielded str, not an event", "Traceback"),
        ("smuggle", "not JSON serializable", "Traceback"),
        ("nothing_of_the_kind", "has no function 'nothing_of_the_kind'", ""),
    ],
)
@pytest.mark.parametrize("where", ["dask", "inline"])
def test_a_failure_is_one_sentence_with_details(
    begin: Callable[..., Job], store: Store, work: str, sentence: str, details: str, where: str
) -> None:
    job = begin(work, {"zero": 0}, where=where)
    last = ended(job)
    assert isinstance(last, Failed)
    assert sentence in last.message
    assert "\n" not in last.message
    assert details in last.details
    assert store.record(job.run).status == job.status == "failed"
    with pytest.raises(WorkbenchError):
        job.result()


def test_a_module_that_is_not_there_is_bad_input(store: Store) -> None:
    job = start("no_such_module:work", {}, kind="test", store=store)
    with pytest.raises(BadInput, match="There is no module no_such_module"):
        job.result(PATIENCE)


def test_a_worker_uses_one_thread_and_nothing_counts_after_the_end(
    begin: Callable[..., Job],
) -> None:
    job = begin("store_nothing", {})
    assert job.result(PATIENCE) == {"guarantee": {"epsilon": float("inf")}, "threads": 1}
    assert [type(event) for event in job.events] == [Finished]


def test_relative_paths_mean_the_same_in_a_worker(
    begin: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = begin("count", {"to": 1})
    job.result(PATIENCE)
    first = job.events[0]
    assert isinstance(first, Started)
    assert first.facts["home"] == str(tmp_path)


def test_jobs_wait_for_a_worker_in_order_and_can_be_stopped_before(
    begin: Callable[..., Job], store: Store
) -> None:
    first, second, third, fourth = [begin("tidy", {"file": os.devnull}) for _ in range(4)]
    until(lambda: first.events and second.events)
    assert third.status == fourth.status == "waiting"
    assert store.record(third.run).status == "waiting"
    third.cancel()
    assert ended(third) == Cancelled()
    assert fourth.status == "waiting"
    first.cancel()
    until(lambda: fourth.events)
    assert fourth.status == "running"
    assert second.status == "running"


def test_a_job_can_be_found_while_it_is_at_work(begin: Callable[..., Job]) -> None:
    job = begin("tidy", {"file": os.devnull})
    assert attach(job.run) is job
    with pytest.raises(TimeoutError, match="is still"):
        job.result(0.01)
    job.cancel()
    ended(job)
    assert attach(job.run) is None
    assert attach("test-0") is None


@pytest.mark.parametrize("where", ["dask", "inline"])
def test_a_stopped_run_is_resumed_at_its_checkpoint(
    begin: Callable[..., Job], store: Store, where: str
) -> None:
    job = begin("count", {"to": 30, "rest": 0.05})
    until(lambda: len(counted(job.events)) > 12)
    job.cancel()
    ended(job)
    again = begin("count", None, resume=job.run, where=where)
    assert again.run == job.run
    assert again.result(PATIENCE) == {"counted": 30}
    assert counted(again.events)[0] in (11, 21)
    assert counted(list(store.events(job.run))) == list(range(1, 31))


def test_only_the_same_config_resumes_a_run(begin: Callable[..., Job], store: Store) -> None:
    job = begin("count", {"to": 3}, where="inline")
    with pytest.raises(BadInput, match="another config"):
        start("works:count", {"to": 4}, kind="test", store=store, resume=job.run)
    with pytest.raises(NothingToResume, match="finished"):
        start("works:count", {"to": 3}, kind="test", store=store, resume=job.run)
    with pytest.raises(BadInput, match="needs a config"):
        start("works:count", None, kind="test", store=store)


@pytest.mark.slow
def test_a_dead_worker_is_a_readable_failure_and_is_replaced(
    begin: Callable[..., Job], store: Store
) -> None:
    job = begin("vanish", {})
    last = ended(job)
    assert isinstance(last, Failed)
    assert "The worker process died" in last.message
    assert counted(job.events) == [1]
    assert store.record(job.run).status == "failed"
    pair = [begin("tidy", {"file": os.devnull}) for _ in range(2)]
    until(lambda: all(other.events for other in pair))
    assert counted(job.events) == [1]


@pytest.mark.slow
def test_a_worker_that_hangs_is_killed_and_replaced(begin: Callable[..., Job]) -> None:
    job = begin("hang", {})
    until(lambda: job.events)
    job.cancel()
    last = ended(job)
    assert isinstance(last, Cancelled)
    assert "did not answer and was replaced" in last.message
    assert job.status == "cancelled"
    pair = [begin("tidy", {"file": os.devnull}) for _ in range(2)]
    until(lambda: all(other.events for other in pair))


def test_nobody_outside_this_machine_can_connect(begin: Callable[..., Job]) -> None:
    begin("count", {"to": 1}).result(PATIENCE)
    own = psutil.Process()
    open_ports = [
        connection
        for process in (own, *_workers(own.pid))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(open_ports) >= 3
    assert {connection.laddr.ip for connection in open_ports} == {"127.0.0.1"}


@pytest.mark.slow
def test_a_worker_that_is_told_to_end_says_so(begin: Callable[..., Job]) -> None:
    job = begin("tidy", {"file": os.devnull})
    until(lambda: job.events)
    workers = _workers(os.getpid())
    for worker in workers:
        worker.terminate()
    last = ended(job)
    assert isinstance(last, Cancelled)
    assert "told to end" in last.message
    psutil.wait_procs(workers, timeout=PATIENCE)
    begin("count", {"to": 1}).result(PATIENCE)


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch) -> Iterator[Crew]:
    """The crew's own decisions, with workers a and b that only take notes."""
    monkeypatch.setattr(elsewhere, "ANSWER_SECONDS", 0.2)
    crew = Crew("nowhere:1", ())
    until(lambda: crew.broken)
    crew._trouble, crew._staff = None, Notes()  # type: ignore[assignment]  # what it calls is noted
    for address in ("a", "b"):
        crew._hear("all", {"action": "add-worker", "worker": address, "vetted": True})
    yield crew
    crew.close()


def test_an_order_that_reaches_a_worker_on_its_way_out_goes_to_another(crew: Crew) -> None:
    task = Notes()
    crew.take(task)
    until(lambda: task.noted["assigned"] == 1)
    crew._hear("all", {"action": DISMISSED, "worker": "a"})
    until(lambda: task.noted["assigned"] == 2)
    assert task.noted["lost"] == 0
    crew._hear(crew._topic, {task.token: []})
    crew._hear("all", {"action": DISMISSED, "worker": "b"})
    until(lambda: task.noted["lost"] == 1)


def test_a_worker_that_is_being_killed_gets_no_other_order(crew: Crew) -> None:
    hung, other, third = Notes(), Notes(), Notes()
    for task in (hung, other, third):
        crew.take(task)
    until(lambda: other.noted["assigned"] == 1)
    crew.replace(hung)
    crew.release(hung)  # it answered after all, but too late
    crew._hear("all", {"action": "remove-worker", "worker": "a"})
    until(lambda: crew.size() == 1)
    assert third.noted["assigned"] == third.noted["lost"] == 0
    crew._hear("all", {"action": "add-worker", "worker": "c", "vetted": True})
    until(lambda: third.noted["assigned"] == 1)


class Notes:
    """Counts what is asked of it."""

    token = "0"
    left_alone = False

    def __init__(self) -> None:
        self.noted: Counter[str] = Counter()

    def wish(self) -> tuple[int, str]:
        return 0, "go"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def note(*_: object) -> MagicMock:
            self.noted[name] += 1
            return MagicMock()

        return note


def test_workers_ignore_the_interrupt_button(begin: Callable[..., Job]) -> None:
    job = begin("tidy", {"file": os.devnull})
    until(lambda: job.events)
    before = len(job.events)
    for worker in _workers(os.getpid()):
        worker.send_signal(signal.SIGINT)
    until(lambda: len(job.events) > before + 20)
    assert job.status == "running"


def test_a_full_disk_holds_the_job_until_there_is_room(
    begin: Callable[..., Job], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.runs.job.RETRY", 0.1)
    real = store.append_all
    room = threading.Event()

    def write(run: str, events: Any) -> None:
        if not room.is_set():
            raise DiskFull.at(store.root)
        real(run, events)

    monkeypatch.setattr(store, "append_all", write)
    job = begin("count", {"to": 100, "rest": 0.01})
    until(lambda: job.status == "paused")
    assert "is full; free some space" in job.message
    until(lambda: any("is full" in getattr(event, "doing", "") for event in job.events))
    room.set()
    assert job.result(PATIENCE) == {"counted": 100}
    assert counted(list(store.events(job.run))) == list(range(1, 101))


def test_closing_an_inline_run_is_recorded_as_stopped(store: Store, tmp_path: Path) -> None:
    run = store.open("test", {})
    config = {"file": str(tmp_path / "mark")}
    steps = drive("works:tidy", config, run=run, store=store)
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert store.record(run).status == "cancelled"
    assert (tmp_path / "mark").exists()


def test_an_inline_run_gives_its_outcome(store: Store) -> None:
    run = store.open("test", {"to": 3})
    *_, last = drive("works:count", {"to": 3}, run=run, store=store)
    assert outcome(last) == {"counted": 3}


INLINE = """
import sys
from pathlib import Path
from workbench.runs.jobs import start
from workbench.runs.store import Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
start("works:tidy", {"file": sys.argv[2]}, kind="test", store=store, where="inline")
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, None), (signal.SIGTERM, 143)])
def test_an_interrupted_command_is_recorded_as_stopped(
    tmp_path: Path, number: signal.Signals, status: int | None
) -> None:
    command = _python(INLINE, str(tmp_path), str(tmp_path / "mark"))
    store = Store(tmp_path)
    until(lambda: store.list() and any(True for _ in store.events(store.list()[0].id)))
    command.send_signal(number)
    command.communicate(timeout=PATIENCE)
    assert status in (None, command.returncode)
    assert store.list()[0].status == "cancelled"
    assert (tmp_path / "mark").read_text() == "closed"
    store.close()


DASK = """
import sys, time, asyncio
from pathlib import Path
from workbench.runs import jobs
from workbench.runs.store import Store
jobs.HEAVY = ()

async def main():
    store = Store(Path(sys.argv[1]))
    job = jobs.start("works:count", {"to": 3}, kind="test", store=store)
    print(job.result(240), flush=True)
    if sys.argv[2] == "stay":
        job = jobs.start("works:hang", {}, kind="test", store=store)
        while not job.events:
            time.sleep(0.01)
        print(job.run, flush=True)
        time.sleep(1000)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_script_ends_without_noise_and_leaves_no_worker(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(DASK)
    script = _python(tmp_path / "script.py", str(tmp_path), "go")
    out, err = script.communicate(timeout=PATIENCE)
    assert (out.strip(), err, script.returncode) == ("{'counted': 3}", "", 0)


def test_workers_die_with_a_killed_notebook(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(DASK)
    script = _python(tmp_path / "script.py", str(tmp_path), "stay")
    assert script.stdout is not None
    script.stdout.readline()
    run = script.stdout.readline().strip()
    workers = _workers(script.pid)
    assert len(workers) == 2
    script.kill()
    script.communicate()
    psutil.wait_procs(workers, timeout=PATIENCE)
    assert not any(worker.is_running() for worker in workers)
    store = Store(tmp_path)
    assert store.record(run).status == "interrupted"
    store.close()


def test_a_scheduler_elsewhere_changes_nothing_else(store: Store) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        job = start(
            "works:count", {"to": 3}, kind="test", store=store, scheduler=cluster.scheduler_address
        )
        assert job.result(PATIENCE) == {"counted": 3}
        jobs.close()


@pytest.mark.slow
def test_workers_that_cannot_be_had_are_a_readable_failure(store: Store) -> None:
    job = start("works:count", {"to": 3}, kind="test", store=store, scheduler="nowhere:1")
    with pytest.raises(WorkbenchError, match="Background workers could not be started"):
        job.result(PATIENCE)


def _python(code: str | Path, *arguments: str) -> subprocess.Popen[str]:
    command = [str(code)] if isinstance(code, Path) else ["-c", code]
    return subprocess.Popen(
        [sys.executable, "-W", "error", *command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        # A shell's background job ignores the interrupt, and hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def _workers(pid: int) -> list[psutil.Process]:
    """Worker processes; multiprocessing's resource tracker is a child too."""
    children = psutil.Process(pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
