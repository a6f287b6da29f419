"""The port: exact routes, negotiation, and the pages; it is handed callables and knows no metric."""

from exporter.web.serving import defer_client

defer_client()  # before a module of this package imports aiohttp
