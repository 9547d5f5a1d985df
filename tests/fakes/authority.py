"""A fake of Entra ID's token endpoint and of the endpoints of managed identities, on loopback and over TLS."""

import ipaddress
import json
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Refusal:
    """An answer that isn't a token."""

    status: int
    body: bytes


@dataclass(frozen=True)
class TokenRequest:
    """A request as it arrived: the query and the form in one, and the headers with names in lower case."""

    method: str
    path: str
    fields: dict[str, str]
    headers: dict[str, str]


@dataclass
class Authority:
    """Gives out `token-1`, `token-2` and so on; `lifetimes_s` and then an hour is how long each lives.

    `refusal` is answered instead while there is one. `ca_file` is the certificate to trust.
    """

    url: str
    ca_file: Path
    requests: list[TokenRequest] = field(default_factory=list)
    lifetimes_s: deque[int] = field(default_factory=deque)
    refusal: Refusal | None = None

    def forget(self) -> None:
        self.requests.clear()
        self.lifetimes_s.clear()
        self.refusal = None

    def answer(self, request: TokenRequest) -> Refusal:
        self.requests.append(request)
        if self.refusal is not None:
            return self.refusal
        lifetime_s = self.lifetimes_s.popleft() if self.lifetimes_s else 3600
        expires_on = int(datetime.now(UTC).timestamp()) + lifetime_s
        body = {
            "token_type": "Bearer",
            "access_token": f"token-{len(self.requests)}",
            "expires_in": lifetime_s,
            "expires_on": str(expires_on),
            "resource": request.fields.get("resource", ""),
        }
        return Refusal(status=200, body=json.dumps(body).encode())


@contextmanager
def authority(folder: Path) -> Iterator[Authority]:
    """A running authority, whose certificate is written to *folder*."""
    certificate, key = _certificate(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    found = Authority(url=f"https://127.0.0.1:{server.server_port}", ca_file=certificate)

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            request = TokenRequest(
                method=self.command,
                path=parts.path,
                fields=dict(parse_qsl(parts.query) + parse_qsl(body)),
                headers={name.lower(): value for name, value in self.headers.items()},
            )
            answer = found.answer(request)
            self.send_response(answer.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = handle_request  # noqa: N815  # the names that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
            pass

    server.RequestHandlerClass = Handler
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=20)


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the tests' authority")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "authority.pem", folder / "authority.key"
    certificate_path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_path, key_path
