"""All that knows the venue: its paths, its signature, its errors, its limits and its wire format.

Nothing outside this package knows a venue spelling, a path, a code or the HTTP client; what leaves it are the nouns of
`exporter.model` and the errors of `errors`. It may not know the ledger, the metrics or the schedule.

    client      one short method per endpoint
      calls     one call, from permit to answer: sign, send, settle the limits, read
      signing     pure: the signature
      transport   one GET within a total deadline (connection: sockets, foreign: their exceptions)
      envelope    pure: body to `data`, or the error that it tells
      endpoints   pure: `data` to the nouns, over wire
      limits      budgets and slots (holds: bans and pauses; permits: what a caller is handed)
      host        the exchange's clock
    codes       the exchange's error codes and texts -> errors
    paths       the only paths that can leave this house
"""
