# docbot in a container: docker build -t docbot . (compose.yaml runs it with its servers)

FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/docbot
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY docbot docbot
COPY migrations migrations
COPY docs docs
RUN /opt/docbot/bin/pip install --no-cache-dir --disable-pip-version-check \
    --constraint constraints.txt '.[embedded]' \
    && /opt/docbot/bin/python -m compileall -q /opt/docbot

FROM python:3.11-slim
# What Discord's and the models' certificates are checked against.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --home-dir /data docbot \
    && install --directory --owner docbot --group docbot --mode 0700 /data
COPY --from=build /opt/docbot /opt/docbot
ENV PATH=/opt/docbot/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    DOCBOT_DATA_DIR=/data
USER docbot
WORKDIR /data
# All that docbot writes is here; the rest of the file system may be read-only.
VOLUME /data
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 \
    CMD ["docbot", "doctor", "--quick"]
ENTRYPOINT ["docbot"]
CMD ["run"]
