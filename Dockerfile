# Two stages: the first builds a virtual environment, the second holds it and nothing that builds.
# Pin the base by digest where you build for production: --build-arg BASE=python:3.13-slim@sha256:…
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
COPY requirements/build.lock requirements/runtime.lock requirements/
RUN python -m venv /opt/bingx-exporter \
 && /opt/bingx-exporter/bin/pip install --no-cache-dir --require-hashes \
      --requirement requirements/build.lock --requirement requirements/runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
RUN /opt/bingx-exporter/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/bingx-exporter/bin/pip uninstall --yes setuptools pip

FROM ${BASE}
COPY --from=build /opt/bingx-exporter /opt/bingx-exporter
RUN mkdir -p /var/lib/bingx-exporter /etc/bingx-exporter \
 && chown 65532:65532 /var/lib/bingx-exporter
# What the labels, --version and bingx_exporter_build_info say of the build, for instance
# --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) --build-arg DATE=$(date --utc +%FT%TZ)
ARG VERSION=unknown
ARG REVISION=unknown
ARG BRANCH=unknown
ARG BUILDER=unknown
ARG DATE=unknown
ENV BUILD_REVISION=$REVISION BUILD_BRANCH=$BRANCH BUILD_USER=$BUILDER BUILD_DATE=$DATE
ARG BASE
LABEL org.opencontainers.image.title="bingx-exporter" \
      org.opencontainers.image.description="Prometheus exporter for BingX perpetual-futures accounts" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.created=$DATE \
      org.opencontainers.image.base.name=$BASE
ENV PATH=/opt/bingx-exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /var/lib/bingx-exporter
VOLUME ["/var/lib/bingx-exporter"]
EXPOSE 10066
# The root may be read-only; the ledger's volume is all that is written to. With another --web.listen-address give
# `docker run` a --health-cmd with the --url to ask.
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s CMD ["bingx-exporter", "healthcheck"]
ENTRYPOINT ["bingx-exporter"]
CMD ["run", "--config.file=/etc/bingx-exporter/config.yaml"]
