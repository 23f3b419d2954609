"""The contract of the store: what was acknowledged is there, whatever happens."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from works import Drawn

from workbench.errors import BadInput, NothingToResume
from workbench.runs.configs import values_key
from workbench.runs.events import (
    Cancelled,
    Checkpointed,
    Event,
    Failed,
    Finished,
    Progress,
    Started,
)
from workbench.runs.files import DiskFull, read_arrays, write_arrays, write_whole
from workbench.runs.film import kept
from workbench.runs.record import ALIVE, Writer
from workbench.runs.store import Store

CONFIG = {"steps": 3, "epsilon": math.inf, "sizes": [1, 2]}


def progress(done: int) -> Progress:
    return Progress(done=done, total=10, doing="counting")


def picture(number: int) -> Drawn:
    return Drawn(number=number, image=np.full((2, 2), number), at=0.0)


def checkpoint(step: int) -> Checkpointed:
    return Checkpointed(
        step=step,
        tensors={"net/weight": np.arange(6.0).reshape(2, 3).T, "count": np.array(step)},
        state={"generator": {"state": 2**100}, "best": -math.inf},
    )


def steps(store: Store, run: str) -> list[float]:
    return [event.done for event in store.events(run) if isinstance(event, Progress)]


def test_a_new_run_knows_what_it_was_asked(store: Store) -> None:
    run = store.open("train", CONFIG, study="grid")
    record = store.record(run)
    assert record.config == CONFIG
    assert (record.kind, record.status, record.study) == ("train", "running", "grid")
    assert {"python", "torch", "opacus", "workbench"} <= set(record.versions)
    assert record.guarantee is record.result is record.finished is record.progress is None
    assert record.created.tzinfo is not None


def test_a_run_folder_can_be_read_without_the_workbench(store: Store) -> None:
    run = store.open("train", CONFIG)
    about = json.loads((store.folder(run) / "run.json").read_text())
    assert about["format"] == 1
    assert about["config"] == {"steps": 3, "epsilon": "inf", "sizes": [1, 2]}


def test_torch_is_not_imported_to_know_its_version() -> None:
    code = (
        "import sys; from workbench.runs.store import Store; from workbench.runs.jobs import start;"
        "Store().open('train', {}); print('torch' in sys.modules, 'distributed' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False False", done.stderr


def test_everything_is_there_after_reopening(store: Store) -> None:
    run = store.open("train", CONFIG)
    guarantee = {"epsilon": math.inf, "void_reason": "no noise"}
    arrays = {"curve": np.ones(2), "file": np.array(3.0), "a/b": np.zeros((0, 2))}
    told: list[Event] = [
        Started(facts={"fingerprint": "f1", "guarantee": guarantee}),
        progress(1),
        Failed(message="no", details="why", field="steps"),
        Cancelled(),
        Finished(result={"dice": 0.5, "far": math.inf}, arrays=arrays),
    ]
    for event in told:
        store.append(run, event)
    store.close()
    again = Store(store.root)
    record = again.record(run)
    assert (record.status, record.fingerprint, record.guarantee) == ("finished", "f1", guarantee)
    assert record.result == {"dice": 0.5, "far": math.inf}
    assert record.progress == (1, 10)
    events = list(again.events(run))
    assert events[:-1] == told[:-1]
    for back in (again.arrays(run), getattr(events[-1], "arrays")):  # noqa: B009
        assert back.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(back[name], array)
    again.close()


@pytest.mark.parametrize(
    ("event", "status", "message"),
    [
        (Finished(result={}), "finished", ""),
        (Failed(message="The memory is full."), "failed", "The memory is full."),
        (Cancelled(), "cancelled", "stopped"),
    ],
)
def test_the_last_event_ends_the_record(
    store: Store, event: Event, status: str, message: str
) -> None:
    run = store.open("train", CONFIG)
    store.append(run, event)
    store.mark(run, "paused")
    record = store.record(run)
    assert (record.status, record.message) == (status, message)
    assert record.finished is not None


def test_a_batch_keeps_the_order_of_its_events(store: Store) -> None:
    run = store.open("train", CONFIG)
    store.append_all(run, [progress(number) for number in range(1200)])
    store.append_all(run, [])
    store.append(run, progress(1200))
    assert steps(store, run) == list(range(1201))


def test_runs_are_listed_by_kind_and_study_in_order(store: Store) -> None:
    runs = [store.open(kind, {}, study=study) for kind, study in ("ax", "by", "ay")]
    assert [record.id for record in store.list()] == runs
    assert [record.id for record in store.list(kind="a")] == [runs[0], runs[2]]
    assert [record.id for record in store.list(study="y")] == runs[1:]
    assert [record.id for record in store.list(kind="a", study="y")] == [runs[2]]


def test_a_finished_run_is_found_by_study_and_config(store: Store) -> None:
    key = values_key(CONFIG)
    run = store.open("train", CONFIG, study="grid")
    assert store.finished("grid", key) is None
    store.append(run, Finished(result={"dice": 1.0}))
    found = store.finished("grid", key)
    assert found is not None
    assert (found.id, found.result) == (run, {"dice": 1.0})
    assert store.finished("other", key) is None
    assert store.finished("grid", values_key({"steps": 4})) is None


def test_the_film_strip_survives_a_reload(store: Store) -> None:
    run = store.open("attack", {})
    store.append_all(run, [picture(number) for number in range(90)])
    store.append(run, picture(90))
    store.close()
    again = Store(store.root)
    shown = [event for event in again.events(run) if isinstance(event, Drawn)]
    assert [event.number for event in shown] == sorted(kept(90))
    assert all((event.image == event.number).all() for event in shown)
    assert len(list((again.folder(run) / "frames").iterdir())) == len(kept(90))
    again.append(run, picture(91))
    assert [event.number for event in again.events(run) if isinstance(event, Drawn)] == sorted(
        kept(91)
    )
    again.close()


def test_the_last_checkpoint_comes_back_whole(store: Store) -> None:
    run = store.open("train", {})
    store.append_all(run, [checkpoint(5), checkpoint(10)])
    back = store.checkpoint(run)
    assert (back.step, back.state) == (10, checkpoint(10).state)
    np.testing.assert_array_equal(back.tensors["net/weight"], np.arange(6.0).reshape(2, 3).T)
    assert back.tensors["count"] == 10
    marks = [event for event in store.events(run) if isinstance(event, Checkpointed)]
    assert [(mark.step, dict(mark.tensors)) for mark in marks] == [(5, {}), (10, {})]


def test_a_run_without_checkpoint_cannot_be_resumed(store: Store) -> None:
    run = store.open("train", {})
    with pytest.raises(NothingToResume, match="no checkpoint"):
        store.checkpoint(run)
    with pytest.raises(BadInput, match="still running"):
        store.reopen(run)
    store.append(run, Cancelled())
    with pytest.raises(NothingToResume, match="no checkpoint"):
        store.reopen(run)
    with pytest.raises(NothingToResume, match="There is no run"):
        store.reopen("train-0")
    store.append(run, Finished(result={}))
    with pytest.raises(NothingToResume, match="finished"):
        store.reopen(run)


def test_a_resumed_run_tells_each_step_once(store: Store) -> None:
    run = store.open("train", {})
    for event in (progress(1), progress(2), checkpoint(2), progress(3), Cancelled()):
        store.append(run, event)
    reopened = store.reopen(run)
    assert reopened.step == 2
    assert reopened.state["reached"] >= 2
    record = store.record(run)
    assert (record.status, record.finished, record.message) == ("running", None, "")
    for event in (progress(3), progress(4), Finished(result={})):
        store.append(run, event)
    assert steps(store, run) == [1, 2, 3, 4]
    assert not any(isinstance(event, Cancelled) for event in store.events(run))


@pytest.mark.parametrize("length", [0, 7, 100, -1])
def test_a_checkpoint_cut_short_is_refused_in_one_sentence(store: Store, length: int) -> None:
    run = store.open("train", {})
    store.append(run, checkpoint(1))
    path = store.folder(run) / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(BadInput, match="cut short or is damaged"):
        store.checkpoint(run)


def test_a_newer_run_folder_is_refused(store: Store) -> None:
    run = store.open("train", {})
    path = store.folder(run) / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    for read in (store.record, store.checkpoint, store.arrays, lambda run: list(store.events(run))):
        with pytest.raises(BadInput, match="newer version"):
            read(run)


def test_a_newer_database_is_refused(store: Store) -> None:
    store.close()
    with sqlite3.connect(store.root / "runs.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(BadInput, match="newer version"):
        Store(store.root)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite3").write_bytes(b"hello" * 1000)
    with pytest.raises(BadInput, match="damaged or no workbench file"):
        Store(tmp_path)


def test_a_workspace_that_cannot_be_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "inner"):
        monkeypatch.setenv("WORKBENCH_HOME", str(folder))
        for open_store in (Store, lambda folder=folder: Store(folder)):
            with pytest.raises(BadInput, match="cannot be made or written"):
                open_store()


def test_an_unknown_run_is_refused(store: Store) -> None:
    with pytest.raises(BadInput, match="There is no run train-0"):
        store.append("train-0", progress(1))
    with pytest.raises(BadInput, match="There is no run train-0"):
        list(store.events("train-0"))
    with pytest.raises(BadInput, match="small letters"):
        store.open("../x", {})


def test_an_event_that_is_not_known_here_is_refused(store: Store) -> None:
    run = store.open("train", {})
    store.append(run, progress(1))
    with sqlite3.connect(store.root / "runs.sqlite3") as connection:
        connection.execute("UPDATE events SET kind = 'Alien', module = 'antigravity'")
    connection.close()
    with pytest.raises(BadInput, match="events called Alien"):
        list(store.events(run))
    assert "antigravity" not in sys.modules


def test_a_full_disk_loses_nothing_that_was_recorded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.open("train", {})
    store.append_all(run, [progress(1), checkpoint(1), picture(1)])

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        for event in (checkpoint(2), picture(2), Finished(result={}, arrays={"a": np.ones(3)})):
            with pytest.raises(DiskFull, match="is full; free some space"):
                store.append_all(run, [progress(2), event])
        with pytest.raises(DiskFull):
            store.open("train", {})
    assert steps(store, run) == [1]
    assert store.checkpoint(run).step == 1
    assert store.record(run).status == "running"
    assert not list(store.root.rglob(".*"))
    store.append_all(run, [progress(2), picture(2), checkpoint(2)])
    assert steps(store, run) == [1, 2]
    assert store.checkpoint(run).step == 2


def test_a_full_database_loses_nothing_that_was_recorded(store: Store) -> None:
    run = store.open("train", {})
    store.append(run, progress(1))
    connection = store._database._connection
    connection.execute(f"PRAGMA max_page_count = {1 + _pages(connection)}")
    with pytest.raises(DiskFull, match="is full; free some space"):
        store.append_all(run, [progress(number) for number in range(5000)])
    assert steps(store, run) == [1]
    connection.execute("PRAGMA max_page_count = 1000000")
    store.append(run, progress(2))
    assert steps(store, run) == [1, 2]


def _pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA page_count").fetchone()[0])


def test_a_file_is_whole_or_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_arrays(path, {"x": np.ones(3)})

    def die(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, die)
    assert list(read_arrays(path)) == ["x"]
    assert list(tmp_path.iterdir()) == [path]
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(BadInput, match="is damaged"):
        read_arrays(path)


def test_threads_and_connections_write_side_by_side(store: Store) -> None:
    run = store.open("train", {})
    other = Store(store.root)
    threads = [
        threading.Thread(
            target=lambda home=home: [home.append(run, progress(i)) for i in range(20)]
        )
        for home in (store, store, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sorted(steps(store, run)) == sorted([*range(20)] * 3)


WRITE = """
import sys
from pathlib import Path
import numpy as np
import works
from workbench.runs.events import Checkpointed, Progress
from workbench.runs.store import Store
store = Store(Path(sys.argv[1]))
run = store.open("train", {})
print(run, flush=True)
for number in range(100_000):
    event = Progress(done=number, total=1, doing="")
    if number % 5 == 1:
        event = Checkpointed(step=number, tensors={"w": np.full(5000, number)}, state={})
    if number % 5 == 2:
        event = works.Drawn(number=number, image=np.full((64, 64), number), at=0.0)
    store.append(run, event)
    print(number, flush=True)
"""


@pytest.mark.parametrize("acknowledged", [3, 40, 77])
def test_a_killed_process_loses_nothing_that_was_acknowledged(
    tmp_path: Path, acknowledged: int
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    assert writer.stdout is not None
    run = writer.stdout.readline().strip()
    for _ in range(acknowledged):
        last = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.stdout.read().splitlines()
    writer.stdout.close()
    writer.wait()
    last = int(rest[-1]) if rest else last

    store = Store(tmp_path)
    assert store._database.read("PRAGMA integrity_check")[0][0] == "ok"
    rows = store._database.read("SELECT count(*) FROM events")[0][0]
    assert rows in (last + 1, last + 2)  # one more may have been written and not acknowledged
    assert (
        steps(store, run)[: (last + 1) // 5]
        == [number for number in range(last + 1) if number % 5 not in (1, 2)][: (last + 1) // 5]
    )
    assert all(
        (event.image == event.number).all()
        for event in store.events(run)
        if isinstance(event, Drawn)
    )
    expected = max(number for number in range(last + 1) if number % 5 == 1)
    assert store.checkpoint(run).step >= expected
    record = store.record(run)
    assert record.status == "interrupted"
    assert "ended before the run did" in record.message
    assert store.reopen(run).step >= expected
    assert store.record(run).status == "running"
    store.close()


def test_a_writer_on_another_machine_is_not_declared_dead() -> None:
    assert not Writer(pid=2**22 + 1, started=0.0, host="elsewhere").gone()
    here = Writer.here()
    assert not here.gone()
    assert Writer(pid=here.pid, started=here.started - 100, host=here.host).gone()
    assert Writer(pid=2**22 + 1, started=0.0, host=here.host).gone()


def test_living_statuses_are_those_that_can_be_marked(store: Store) -> None:
    run = store.open("train", {})
    for status in ALIVE:
        store.mark(run, status)  # type: ignore[arg-type]
        assert store.record(run).status == status
