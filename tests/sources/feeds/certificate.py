"""A certificate of nobody for paper.example and this machine, with its key, and a way to trust it."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp.connector
import pytest

_PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMJaFNNqzgppPj9UH
Ji8COSaksfpn+Uv6X8jLJYiPj8WhRANCAASFN6PpqDZXnRUTXcF/3qGHjCQaVcO1
hzHkpugMDLDQFDk95adsm3k5+bjNFGRjRlgdzkPxFBg6q5VbP5Ymuu+j
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBoDCCAUWgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1wYXBlci5l
eGFtcGxlMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAwMDAwWjAYMRYwFAYD
VQQDDA1wYXBlci5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhTej
6ag2V50VE13Bf96hh4wkGlXDtYcx5KboDAyw0BQ5PeWnbJt5Ofm4zRRkY0ZYHc5D
8RQYOquVWz+WJrrvo6N+MHwwDwYDVR0TAQH/BAUwAwEB/zApBgNVHREEIjAggg1w
YXBlci5leGFtcGxlgglsb2NhbGhvc3SHBH8AAAEwHQYDVR0OBBYEFCezGgx08Q0J
dnLsjfOqqf39I9jeMB8GA1UdIwQYMBaAFCezGgx08Q0JdnLsjfOqqf39I9jeMAoG
CCqGSM49BAMCA0kAMEYCIQD4udokKHLJ77Ml4b4qf/+dVtVLsXh/CJuvHrNS6VKR
8wIhAOUklzt/K8zxpCnjZL67XeeFszyFSJcU5tFIJkD86cq+
-----END CERTIFICATE-----
"""


def make_server_context(folder: Path) -> ssl.SSLContext:
    """Return what a server needs to speak TLS. Writes a file into the folder."""
    path = folder / "site.pem"
    path.write_text(_PEM)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


def trust_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let aiohttp take the certificate for one of an authority, as if it were among those of the system."""
    context = ssl.create_default_context(cadata=_PEM[_PEM.index("-----BEGIN CERTIFICATE") :])
    context.set_alpn_protocols(("http/1.1",))
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", context)
