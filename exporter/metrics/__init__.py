"""What is published: the catalogue of families, their rendering, and the page that a scrape joins.

Knows the model and prometheus-client, and nothing of the exchange, the ledger or HTTP.
"""
