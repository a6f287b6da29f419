"""The port: exact routes, negotiation, and the pages; it is handed callables and knows no metric."""
