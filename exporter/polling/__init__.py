"""When to ask the exchange what, and where the answers go: into the ledger and onto the board.

One thread decides and waits; workers only call. Knows the client and the ledger, and neither metrics nor HTTP.
"""
