"""The Grafana dashboards of bingx-exporter, as Python; `python -m deploy.grafana.dashboards` writes their JSON.

One module a dashboard. `limits` has the numbers that the alerts have, `promql` the expressions, `panels` the nouns, and
only `rendering` and `frame` know Grafana's own library.
"""
