"""How the ledger fails, in words for the operator.

    LedgerError
    ├── LedgerUnavailableError   unavailable    cannot be reached or opened
    ├── LedgerFullError          full           no space left
    ├── LedgerReadOnlyError      read_only      may be read, not written
    ├── LedgerCorruptError       corrupt        not a database, or a damaged one
    ├── LedgerLockedError        locked         another process holds it
    ├── NewerSchemaError         newer_schema   written by a later version of this program
    └── OlderSchemaError         older_schema   written by an earlier version, and only asked, not to be changed

After any of them nothing of the attempt is in the ledger. Messages name the file or the address, never a password.
"""

from __future__ import annotations

from typing import ClassVar


class LedgerError(Exception):
    """The ledger could not do what was asked; `target` is the file or address, `detail` what failed there."""

    reason: ClassVar[str] = "unavailable"
    mend: ClassVar[str] = "see what the database says about it"

    def __init__(self, target: str, detail: str, *, mend: str | None = None) -> None:
        """Say what failed (`detail`) and how to put it right (`mend`, default: the class's own advice)."""
        self.target = target
        self.detail = detail
        self.advice = mend or self.mend
        super().__init__(target, detail)

    def __str__(self) -> str:
        return f"ledger {self.target}: {self.detail}; {self.advice}"


class LedgerUnavailableError(LedgerError):
    """The file cannot be opened, or the server cannot be reached."""

    reason = "unavailable"
    mend = "check that the path or address is right and that this user may open it"


class LedgerFullError(LedgerError):
    """There is no space left for another entry."""

    reason = "full"
    mend = "make space on the disk of the ledger; reading resumes where it stopped"


class LedgerReadOnlyError(LedgerError):
    """The ledger may be read, but not written."""

    reason = "read_only"
    mend = "give this user the right to write the file, its -wal and -shm, and their directory, or to write the tables"


class LedgerCorruptError(LedgerError):
    """The file is not a database, or it is damaged."""

    reason = "corrupt"
    mend = "restore it from a backup, or move it away: a new one reads what history the exchange still has"


class LedgerLockedError(LedgerError):
    """Another process is writing and does not come to an end."""

    reason = "locked"
    mend = "find the other process that has it open; one exporter writes one ledger file"


class NewerSchemaError(LedgerError):
    """The ledger was written by a later version of this program."""

    reason = "newer_schema"
    mend = "run that version again, or restore a backup from before the upgrade"


class OlderSchemaError(LedgerError):
    """The ledger was written by an earlier version of this program, which may be using it at this moment."""

    reason = "older_schema"
    mend = "ask with the version that runs, or start this one once as the exporter: that brings the ledger up to date"


REASONS: tuple[str, ...] = tuple(
    kind.reason
    for kind in (
        LedgerUnavailableError,
        LedgerFullError,
        LedgerReadOnlyError,
        LedgerCorruptError,
        LedgerLockedError,
        NewerSchemaError,
        OlderSchemaError,
    )
)
"""Every value of `LedgerError.reason`."""
