# The gateway as an image. Built for releases with PYTHON_IMAGE pinned to a digest; docs/kubernetes.md says how it is run.
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
# Everything but imageway itself, so that a change of its code builds in seconds. hatchling is what builds it.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /build \
    && /build/bin/python -m pip install --quiet --constraint constraints.txt hatchling \
    && python -m venv --without-pip /opt/imageway \
    && python -c "import tomllib; \
project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
extras = ('gateway', 'openai', 'azure', 'redis', 'oidc', 'otel'); \
print(*project['dependencies'], *(line for extra in extras for line in project['optional-dependencies'][extra]), sep='\n')" \
        >/build/requirements.txt \
    && /build/bin/python -m pip --python /opt/imageway/bin/python install --quiet --constraint constraints.txt \
        --requirement /build/requirements.txt
COPY providers providers
COPY gateway gateway
COPY sdk sdk
RUN /build/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /build/wheel . \
    && /build/bin/python -m pip --python /opt/imageway/bin/python install --quiet --no-deps /build/wheel/*.whl \
    && /build/bin/python -m pip --python /opt/imageway/bin/python check

FROM ${PYTHON_IMAGE}
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="imageway-gateway" \
      org.opencontainers.image.description="Image-model gateway: OpenAI and Azure image models behind one checked interface" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The numbers are what Kubernetes compares with runAsNonRoot; vendors are called over TLS, so there must be roots to trust.
RUN test -s /etc/ssl/certs/ca-certificates.crt \
    && groupadd --gid 10001 imageway \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin imageway \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/imageway
COPY --from=build /opt/imageway /opt/imageway
ENV PATH=/opt/imageway/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/imageway
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["imageway-gateway"]
CMD ["--config", "/etc/imageway/gateway.yaml"]
