"""Parts that tests share: a clock that is set by hand, strict parsers, real servers on free ports."""
