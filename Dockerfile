ARG BASE=python:3.12-slim-bookworm

# First stage: every locked wheel with its hash checked, then only those that the bot itself needs.
FROM ${BASE} AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md ./
RUN python -m pip wheel --no-cache-dir --only-binary :all: --require-hashes --requirement requirements.lock --wheel-dir /wheels
COPY bot bot
COPY cogs cogs
RUN python -m pip wheel --no-cache-dir --no-index --find-links /wheels --no-deps --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/newsdesk \
    && python -m pip --python /opt/newsdesk/bin/python install --no-cache-dir --no-compile --no-index --find-links /wheels "newsdesk[postgres]"
# Of Babel's thousand locales those of the languages that Discord has.
ARG LANGUAGES="bg|cs|da|de|el|en|es|fi|fr|hi|hr|hu|id|it|ja|ko|lt|nb|nl|no|pl|pt|ro|ru|sv|th|tr|uk|vi|zh"
RUN find /opt/newsdesk -path '*/babel/locale-data/*.dat' | grep -vE "/(root|($LANGUAGES)(_\w+)?)\.dat$" | xargs rm
# What is imported is compiled thereby, and nothing else: half of what pip would compile. It also shows that it fits.
RUN /opt/newsdesk/bin/python -c "import bot.app, bot.cli.commands" && /opt/newsdesk/bin/newsdesk --help >/dev/null

FROM ${BASE}
# By number, so that no name has to exist where the image runs; the folder is made here, so that nothing of /etc/skel is in it.
RUN groupadd --gid 10001 newsdesk \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/newsdesk --shell /usr/sbin/nologin newsdesk \
    && install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/newsdesk
COPY --from=build /opt/newsdesk /opt/newsdesk
COPY data /app/data
WORKDIR /app
ENV PATH=/opt/newsdesk/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NEWSDESK_DATABASE_URL=sqlite+aiosqlite:////var/lib/newsdesk/newsdesk.db
USER 10001:10001
# State lives here, and nothing else is written; nothing is mounted over /app/data, which would hide the cards.
VOLUME /var/lib/newsdesk
HEALTHCHECK --interval=60s --timeout=10s --start-period=90s CMD ["newsdesk", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["newsdesk"]
CMD ["run"]
