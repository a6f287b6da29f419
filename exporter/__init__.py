"""A Prometheus exporter for BingX perpetual-futures accounts."""
