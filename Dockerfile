# First stage: every locked wheel with its hash checked, then only those that the bot itself needs.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md ./
RUN pip wheel --no-cache-dir --require-hashes --requirement requirements.lock --wheel-dir /wheels
COPY bot bot
COPY cogs cogs
RUN pip wheel --no-cache-dir --no-index --find-links /wheels --no-deps --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/newsdesk \
    && pip --python /opt/newsdesk/bin/python install --no-cache-dir --no-index --find-links /wheels newsdesk

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/newsdesk newsdesk
COPY --from=build /opt/newsdesk /opt/newsdesk
COPY data /app/data
WORKDIR /app
ENV PATH=/opt/newsdesk/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NEWSDESK_DATABASE_URL=sqlite+aiosqlite:////var/lib/newsdesk/newsdesk.db
USER newsdesk
# State lives here, and nothing else is written; nothing is mounted over /app/data, which would hide the cards.
VOLUME /var/lib/newsdesk
HEALTHCHECK --interval=60s --timeout=10s --start-period=90s CMD ["newsdesk", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["newsdesk"]
CMD ["run"]
