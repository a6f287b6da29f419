"""Below which path the routes live, and what others call them."""

from __future__ import annotations

import pytest

from exporter.web.place import placed


@pytest.mark.parametrize(
    ("route_prefix", "external_url", "route", "link"),
    [
        (None, None, "/metrics", "/metrics"),
        ("", None, "/metrics", "/metrics"),
        ("/", None, "/metrics", "/metrics"),
        ("exporter", None, "/exporter/metrics", "/exporter/metrics"),
        ("/exporter/", None, "/exporter/metrics", "/exporter/metrics"),
        ("/a/b", None, "/a/b/metrics", "/a/b/metrics"),
        (None, "https://x.example/exporter/", "/exporter/metrics", "/exporter/metrics"),
        ("/", "https://x.example/exporter", "/metrics", "/exporter/metrics"),
        ("/inside", "https://x.example", "/inside/metrics", "/metrics"),
        (None, "http://[::1]:10066", "/metrics", "/metrics"),
    ],
)
def test_a_route_has_the_prefix_and_a_link_the_path_of_the_external_url(
    route_prefix: str | None, external_url: str | None, route: str, link: str
) -> None:
    place = placed(route_prefix=route_prefix, external_url=external_url)

    assert place.route("/metrics") == route
    assert place.link("/metrics") == link


@pytest.mark.parametrize("prefix", ["/a b", "/a?b", "/a#b", "/../etc", "/a/./b", "/{x}", "/a//b", "/ä", "/a\n"])
def test_a_prefix_that_is_no_path_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"--web\.route-prefix"):
        placed(route_prefix=prefix)


@pytest.mark.parametrize(
    "url",
    [
        "x.example",
        "//x.example",
        "ftp://x.example",
        "https://",
        "https://user:pass@x.example",
        "https://x.example:port",
        "https://x.example:99999",
        "https://x.example/a?b",
        "https://x.example/#a",
        "https://x.example/a b",
        "https://x ample/",
        "https://[::1",
        "http://h:/x",
        "http://a_/",
        "http://münchen.example",
        "http://x.example:0",
    ],
)
def test_an_external_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"--web\.external-url"):
        placed(external_url=url)
