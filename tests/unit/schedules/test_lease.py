"""One of several at work, on real databases: by compare-and-swap, until it is given up, lost or run out."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from dfpt.registry.store import Store, open_store
from dfpt.schedules import lease
from dfpt.schedules.lease import Lease, Row

pytest_plugins = "tests.unit.registry.databases"


def run_out(store: Store, seconds: float = 1.0) -> None:
    """As if ``seconds`` more than the lease's had gone by since it was renewed."""
    with store.engine.execution_options(dfpt_write=True).begin() as connection:
        connection.execute(update(Row).values(expires_at=lease._now(store.engine) - seconds))


def test_one_has_it_until_it_gives_it_up(store: Store) -> None:
    first, second = Lease(store, lease.RUNS), Lease(store, lease.RUNS)
    assert first.take()
    assert first.held
    assert not second.take()
    assert not second.held
    assert second.holder_now() == first.holder
    assert first.take()  # renewed
    first.give_up()
    assert not first.held
    assert second.take()


def test_what_ran_out_goes_to_whoever_comes_first_and_the_former_holder_hears_of_it(store: Store) -> None:
    first, second, third = (Lease(store, lease.RUNS) for _ in range(3))
    assert first.take()
    run_out(store)
    assert second.take()
    assert not third.take()
    assert not first.take()
    assert not first.held
    first.give_up()  # which is not its own any more
    assert not third.take()


def test_another_name_is_another_lease(store: Store) -> None:
    assert Lease(store, lease.RUNS).take()
    assert Lease(store, lease.LOOKS).take()


def test_of_many_at_once_one_gets_it(store: Store) -> None:
    several = [Lease(store, lease.RUNS) for _ in range(12)]
    for _ in range(5):
        ready = threading.Barrier(len(several))
        won: list[Lease] = []

        def try_it(one: Lease, ready: threading.Barrier = ready, won: list[Lease] = won) -> None:
            ready.wait()
            if one.take():
                won.append(one)

        threads = [threading.Thread(target=try_it, args=(one,)) for one in several]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        won[0].give_up()


def test_a_holder_relies_on_it_no_longer_than_from_before_it_asked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 129.9, 130.0])
    monkeypatch.setattr(lease.time, "monotonic", lambda: next(clock))
    mine = Lease(store, lease.RUNS, 30)
    assert mine.take()
    assert mine.held
    assert not mine.held


def test_while_it_is_kept_it_is_renewed_and_then_given_up(store: Store) -> None:
    mine, other, lost = Lease(store, lease.RUNS, 0.6), Lease(store, lease.RUNS, 0.6), threading.Event()
    assert mine.take()
    with mine.kept(lost.set):
        assert not lost.wait(1.5)  # more than twice its time
        assert not other.take()
    assert other.take()


def test_who_loses_it_is_told(store: Store) -> None:
    mine, other, lost = Lease(store, lease.RUNS, 0.6), Lease(store, lease.RUNS, 60), threading.Event()
    assert mine.take()
    with mine.kept(lost.set):
        with store.engine.execution_options(dfpt_write=True).begin() as connection:
            connection.execute(update(Row).values(holder=other.holder, expires_at=Row.expires_at + 60))
        assert lost.wait(20)
    assert other.take()
    assert other.holder_now() == other.holder


def test_a_database_that_is_away_for_longer_than_the_lease_is_a_loss(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, lost = Lease(store, lease.RUNS, 0.6), threading.Event()
    assert mine.take()
    asked: list[float] = []

    def away() -> bool:
        asked.append(1.0)
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr(mine, "take", away)
    with mine.kept(lost.set):
        assert lost.wait(20)
    assert len(asked) > 1  # not given up at the first


def test_the_table_is_made_once_by_whoever_comes_first(database: str, tmp_path: Path) -> None:
    stores = [open_store(tmp_path / "home") for _ in range(2)]
    assert [Lease(store, lease.RUNS).take() for store in stores] == [True, False]
    for store in stores:
        store.engine.dispose()
