# One image for the API, the relay and the workers; docker-compose.yml says which is which.
# Images and packages are pinned to exact versions; raise them together with constraints.txt.
FROM python:3.11.14-slim-bookworm AS build

# Where packages come from, for networks that have an index of their own: --build-arg PIP_INDEX_URL=…
# torch==2.13.0 (constraints.txt) is one version on purpose: a range pulls gigabytes of GPU libraries. Where the
# default index gives a build for GPUs, name one with builds for processors: --build-arg PIP_EXTRA_INDEX_URL=…
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN python -m venv /opt/netwright
ENV PATH=/opt/netwright/bin:$PATH
WORKDIR /build

# Dependencies first, so that a change of the code does not install them again.
COPY pyproject.toml constraints.txt README.md ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; e = p['optional-dependencies']; \
print('\n'.join([*p['dependencies'], *e['postgres'], *e['s3']]))" > requirements.txt \
    && pip install -c constraints.txt torch==2.13.0 -r requirements.txt

COPY . .
RUN pip install --no-deps . && pip check


FROM python:3.11.14-slim-bookworm

# xgboost and torch share OpenMP.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 netwright \
    && useradd --uid 10001 --gid netwright --home-dir /data --no-create-home --shell /usr/sbin/nologin netwright \
    && install -d -o netwright -g netwright -m 0700 /data
COPY --from=build /opt/netwright /opt/netwright

ENV PATH=/opt/netwright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NETWRIGHT_DATA_DIR=/data \
    NETWRIGHT_CACHE_DIR=/data/cache \
    NETWRIGHT_LOG_FORMAT=json
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8000

# Clients that ask by another name than localhost need it in NETWRIGHT_HOSTS; the health check does not.
# Of an API. Relay and worker have their own in docker-compose.yml.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["python", "-m", "netwright.health", "api"]
CMD ["netwright", "api"]
