"""What the status page says: the board, the schedule, the limits and the ledger, put into plain values.

Everything is read from where it is kept; nothing here polls, and nobody who polls or scrapes waits for it. `trends`
listens from the start; the rest is imported when somebody looks at the page for the first time.
"""
