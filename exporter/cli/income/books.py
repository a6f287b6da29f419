"""Which accounts of a ledger a command speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.config.shard import Shard
    from exporter.ledger import AccountBook, Ledger


class UnknownAccount(Exception):  # noqa: N818 - a word of the command line that means nothing
    """There is no account of that name; the message names those that there are."""

    def __init__(self, name: str, known: tuple[str, ...], *, shard: Shard | None = None) -> None:
        """Say which name, which there are, and of which shard."""
        where = "" if shard is None or shard.is_all else f" in shard {shard}"
        super().__init__(f"there is no account {name!r}{where}; known: {', '.join(known) or 'none'}")


def chosen(ledger: Ledger, account: str | None, *, shard: Shard) -> tuple[AccountBook, ...]:
    """Return the books of a shard in the ledger, or that of one account of it; raises `UnknownAccount`."""
    books = {book.name: book for book in ledger.books() if shard.owns(book.name)}
    if account is None:
        return tuple(books.values())
    if account not in books:
        raise UnknownAccount(account, tuple(books), shard=shard)
    return (books[account],)
