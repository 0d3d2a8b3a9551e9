"""What the API takes and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dfpt.approvals.tokens import LONGEST_DAYS, Scope
from dfpt.registry.candidates import Sums
from dfpt.registry.database import State
from dfpt.registry.listing import Entry
from dfpt.registry.policy_config import Role

LARGEST = 2**31 - 1  # of an integer column on PostgreSQL
TEXT = r"^[^\x00]*$"  # PostgreSQL stores no NUL

Name = Annotated[str, Path(min_length=1, max_length=200, pattern=TEXT, description="Of the candidates, e.g. elpv.")]
Version = Annotated[int, Path(ge=1, le=LARGEST)]
Reason = Annotated[
    str, Field(min_length=1, max_length=4000, pattern=TEXT, description="Why; stays in the log for ever.")
]


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Input(BaseModel):
    """Closed: a misspelt field is refused."""

    model_config = ConfigDict(extra="forbid")


class Decision(Input):
    reason: Reason
    dry_run: bool = Field(default=False, description="Check and say what would be done; change nothing.")


class Filing(Decision):
    """``weights_sha256`` and ``artifact_sha256``: what is asked for; refused where the version has others."""

    weights_sha256: Sha256 | None = None
    artifact_sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _has_both_or_none(self) -> Filing:
        if (self.weights_sha256 is None) != (self.artifact_sha256 is None):
            raise ValueError("weights_sha256 and artifact_sha256 go together")
        return self

    @property
    def sums(self) -> Sums | None:
        if self.weights_sha256 is None or self.artifact_sha256 is None:
            return None
        return Sums(self.weights_sha256, self.artifact_sha256)


class Approval(Decision):
    emergency: bool = Field(default=False, description="As an admin: pass over the rules; marked for ever.")


class RollbackWish(Decision):
    to: int | None = Field(
        default=None, ge=1, le=LARGEST, description="Of the production side; null: the one that was there before."
    )


class Answer(BaseModel):
    """What became of a wish: a sentence for people, ``shown`` for programs."""

    model_config = ConfigDict(from_attributes=True)

    message: str
    shown: dict[str, Any]
    pending: bool = Field(description="It waits for a person's approval.")
    waiting: bool = Field(description="It was decided, and waits for MLflow.")


class RequestShown(BaseModel):
    """A request for approval."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    version: int
    state: State
    weights_sha256: str
    artifact_sha256: str
    requested_by: str
    requested_at: datetime
    trained_by: str | None
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str | None
    self_approved: bool
    emergency: bool
    automatic: bool
    production_version: int | None


class RecordShown(BaseModel):
    """A line of the audit log."""

    model_config = ConfigDict(from_attributes=True)

    seq: int
    at: str
    actor: str
    account: str
    origin: str
    action: str
    before: str | None
    after: str | None
    reason: str


class Story(BaseModel):
    """A version and everything that happened to it."""

    version: Entry
    log: list[RecordShown]


class VerificationShown(BaseModel):
    """Whether the log is as it was written."""

    model_config = ConfigDict(from_attributes=True)

    intact: bool
    records: int
    head: str
    first_bad: int | None
    problem: str | None


class FindingShown(BaseModel):
    """Something in production that is not as the log says."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    name: str
    what: str
    expected: str
    found: str
    reverted: bool


class SweptShown(BaseModel):
    finished: list[str]
    expired: list[str]
    promoted: list[str]
    refused: list[str]


class Me(BaseModel):
    """Who is asking."""

    name: str
    account: str
    roles: list[Role]
    scopes: list[Scope]
    by: Literal["token", "session"]


class TokenWish(Input):
    label: Annotated[str, Field(min_length=1, max_length=100, pattern=TEXT)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS)] = 90


class TokenShown(BaseModel):
    id: int
    account: str
    label: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class TokenIssued(TokenShown):
    secret: str = Field(description="Shown this once.")


class AccountWish(Input):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$")]


class AccountShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    subject: str
    disabled: bool
    created_at: datetime


class AccountLinked(AccountShown):
    link: str = Field(description="By which the person chooses a password; works once.")
