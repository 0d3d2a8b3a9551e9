"""Accounts, sessions, tokens, one-time links on SQLite and PostgreSQL: what lets somebody in, and for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from dfpt.approvals import accounts, links, secrets, sessions, settings, tokens
from dfpt.approvals.database import open_tables, writing
from dfpt.approvals.errors import LinkSpent
from dfpt.approvals.tables import Base, Link, SignIn, Token
from dfpt.approvals.tokens import Scope
from dfpt.errors import UsageError
from dfpt.registry.errors import NotFound
from dfpt.registry.store import looking

pytest_plugins = "tests.unit.registry.databases"

PASSWORD = "correct horse battery staple"


@pytest.fixture
def engine(database: str, tmp_path: Path) -> Iterator[Engine]:
    opened = open_tables(tmp_path / "home").engine
    yield opened
    opened.dispose()


@pytest.fixture
def setting(tmp_path: Path) -> settings.Settings:
    return settings.load(tmp_path / "home", {}, session_idle_minutes=30, session_hours=8, link_hours=2)


def secret_of(link: str) -> str:
    return link.rpartition("/")[2]


def age(engine: Engine, column: Any, by: timedelta) -> None:
    """Put a time of every row back."""
    with writing(engine) as session:
        session.execute(update(column.class_).values({column.key: datetime.now(UTC) - by}))


def test_the_right_password_of_an_open_account_is_the_only_way_in(engine: Engine) -> None:
    accounts.add(engine, "ada", PASSWORD)
    accounts.add(engine, "machine")
    accounts.from_provider(engine, "https://id.example#7", "eve@example.com")

    found = accounts.authenticate(engine, "ada", PASSWORD)

    assert found is not None
    assert found.subject.startswith("local:")
    for name, password in (("ada", PASSWORD + "x"), ("nobody", PASSWORD), ("machine", ""), ("eve@example.com", "")):
        assert accounts.authenticate(engine, name, password) is None
    accounts.disable(engine, "ada")
    assert accounts.authenticate(engine, "ada", PASSWORD) is None
    accounts.disable(engine, "ada", disabled=False)
    assert accounts.authenticate(engine, "ada", PASSWORD) is not None


@pytest.mark.parametrize("name", ["", "a" * 101, "a/b", "a b", "<script>", "local:7", "-x", "a\nb", "名前"])
def test_a_name_that_could_be_taken_for_something_else_is_refused(engine: Engine, name: str) -> None:
    with pytest.raises(UsageError, match="no name"):
        accounts.add(engine, name, PASSWORD)


def test_a_name_is_one_persons(engine: Engine) -> None:
    accounts.add(engine, "ada", PASSWORD)
    eve = accounts.from_provider(engine, "https://id.example#7", "eve@example.com")

    with pytest.raises(UsageError, match="already"):
        accounts.add(engine, "ada", PASSWORD)
    with pytest.raises(UsageError, match="already"):
        accounts.from_provider(engine, "https://id.example#8", "ada")
    with pytest.raises(UsageError, match="already"):
        accounts.from_provider(engine, "https://id.example#7", "ada")
    assert accounts.from_provider(engine, "https://id.example#7", "eva@example.com").id == eve.id
    assert accounts.by_name(engine, "eva@example.com").id == eve.id


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_a_password_is_long_and_not_endless(password: str) -> None:
    with pytest.raises(UsageError, match="12 to 1024"):
        secrets.hash_password(password)


def test_a_session_ends_when_it_rests_when_it_is_old_and_when_its_account_is_closed(
    engine: Engine, setting: settings.Settings
) -> None:
    ada = accounts.add(engine, "ada")

    def alive(change: Callable[[], object]) -> bool:
        secret = sessions.start(engine, setting, ada)
        change()
        return sessions.find(engine, setting, secret) is not None

    assert alive(lambda: None)
    assert alive(lambda: age(engine, SignIn.seen_at, timedelta(minutes=29)))
    assert not alive(lambda: age(engine, SignIn.seen_at, timedelta(minutes=31)))
    assert alive(lambda: age(engine, SignIn.created_at, timedelta(hours=7)))
    assert not alive(lambda: age(engine, SignIn.created_at, timedelta(hours=9)))
    assert sessions.find(engine, setting, "invented") is None
    assert not alive(lambda: accounts.disable(engine, "ada"))


def test_use_keeps_a_session_awake_but_not_for_ever(engine: Engine, setting: settings.Settings) -> None:
    secret = sessions.start(engine, setting, accounts.add(engine, "ada"))
    age(engine, SignIn.seen_at, timedelta(minutes=20))
    assert sessions.find(engine, setting, secret) is not None

    with looking(engine) as session:
        seen = session.scalars(select(SignIn)).one().seen_at
    assert datetime.now(UTC) - seen < timedelta(minutes=1)


def test_no_secret_is_in_the_database(engine: Engine, setting: settings.Settings) -> None:
    ada = accounts.add(engine, "ada", PASSWORD)
    known = [
        PASSWORD,
        sessions.start(engine, setting, ada),
        tokens.create(engine, ada, "ci", [Scope.READ], 1).secret,
        secret_of(links.of_account(engine, setting, ada)),
    ]
    with looking(engine) as session:
        rows = [str(row) for table in Base.metadata.sorted_tables for row in session.execute(select(table))]

    assert len(rows) == 4
    assert not [secret for secret in known for row in rows if secret in row]


def test_a_token_is_good_until_its_day_its_revocation_or_its_accounts_end(engine: Engine) -> None:
    ada, bob = accounts.add(engine, "ada"), accounts.add(engine, "bob")
    issued = tokens.create(engine, ada, " ci ", ["request", "read", "read"], 30)
    other = tokens.create(engine, bob, "ci", ["read"], 30)

    found = tokens.find(engine, issued.secret)
    assert found is not None
    assert (found[0].name, found[1].label, found[1].scopes) == ("ada", "ci", "read request")
    assert tokens.find(engine, issued.secret + "x") is None
    with pytest.raises(NotFound):
        tokens.revoke(engine, issued.token.id, bob.id)
    tokens.revoke(engine, issued.token.id, ada.id)
    assert tokens.find(engine, issued.secret) is None
    assert tokens.find(engine, other.secret) is not None
    accounts.disable(engine, "bob")
    assert tokens.find(engine, other.secret) is None
    accounts.disable(engine, "bob", disabled=False)
    age(engine, Token.expires_at, timedelta(seconds=1))
    assert tokens.find(engine, other.secret) is None


@pytest.mark.parametrize(
    ("label", "scopes", "days"),
    [("x", [], 1), ("x", ["all"], 1), ("x", ["read"], 0), ("x", ["read"], 367), (" ", ["read"], 1)],
)
def test_a_token_for_everything_for_ever_or_for_nothing_is_not_made(
    engine: Engine, label: str, scopes: list[str], days: int
) -> None:
    ada = accounts.add(engine, "ada")
    with pytest.raises(UsageError):
        tokens.create(engine, ada, label, scopes, days)


def test_the_first_link_makes_one_account_once(engine: Engine, setting: settings.Settings) -> None:
    stale, link = links.first(engine, setting), links.first(engine, setting)
    assert link is not None
    assert stale is not None
    with pytest.raises(UsageError, match="12 to 1024"):
        links.use(engine, secret_of(link), "ada", "short")
    with pytest.raises(LinkSpent):
        links.use(engine, secret_of(stale), "eve", PASSWORD)
    assert links.peek(engine, secret_of(link)) is None

    assert links.use(engine, secret_of(link), "ada", PASSWORD).name == "ada"

    for again in (link, stale):
        with pytest.raises(LinkSpent):
            links.use(engine, secret_of(again), "eve", PASSWORD)
        with pytest.raises(LinkSpent):
            links.peek(engine, secret_of(again))
    assert links.first(engine, setting) is None


def test_a_link_for_the_first_account_is_nothing_worth_once_there_is_one(
    engine: Engine, setting: settings.Settings
) -> None:
    link = links.first(engine, setting)
    assert link is not None
    accounts.add(engine, "ada", PASSWORD)

    with pytest.raises(LinkSpent):
        links.use(engine, secret_of(link), "eve", PASSWORD)


def test_a_link_of_an_account_sets_its_password_and_throws_everybody_out(
    engine: Engine, setting: settings.Settings
) -> None:
    ada = accounts.add(engine, "ada", PASSWORD)
    session, link = sessions.start(engine, setting, ada), secret_of(links.of_account(engine, setting, ada))
    assert links.peek(engine, link) == "ada"

    links.use(engine, link, "", "another good password")

    assert accounts.authenticate(engine, "ada", PASSWORD) is None
    assert accounts.authenticate(engine, "ada", "another good password") is not None
    assert sessions.find(engine, setting, session) is None


def test_a_new_link_of_an_account_takes_the_place_of_the_one_before(engine: Engine, setting: settings.Settings) -> None:
    ada, bob = accounts.add(engine, "ada"), accounts.add(engine, "bob")
    lost, others, new = (secret_of(links.of_account(engine, setting, one)) for one in (ada, bob, ada))

    with pytest.raises(LinkSpent, match="works no more"):
        links.use(engine, lost, "", PASSWORD)
    assert links.peek(engine, others) == "bob"
    assert links.use(engine, new, "", PASSWORD).name == "ada"


def test_who_signs_in_with_the_provider_gets_no_link(engine: Engine, setting: settings.Settings) -> None:
    eve = accounts.from_provider(engine, "https://id.example#7", "eve@example.com")
    with pytest.raises(UsageError, match="signs in with the provider"):
        links.of_account(engine, setting, eve)


def test_a_link_expires(engine: Engine, setting: settings.Settings) -> None:
    link = links.first(engine, setting)
    assert link is not None
    age(engine, Link.expires_at, timedelta(seconds=1))

    with pytest.raises(LinkSpent):
        links.peek(engine, secret_of(link))
    with pytest.raises(LinkSpent):
        links.use(engine, secret_of(link), "ada", PASSWORD)
    assert accounts.listed(engine) == []


def test_the_tables_are_those_that_the_migrations_make(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    ours = set(Base.metadata.tables)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_name": lambda name, kind, _: kind != "table" or name in ours}
        )
        differences = compare_metadata(context, Base.metadata)
    assert differences == []
