"""`bingx-exporter income …`: the ledger of the fund flow, asked, checked, compared and exported."""
