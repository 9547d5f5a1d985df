"""A server below HTTP: takes one request, sends given bytes, and hangs up politely or with a reset."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hanging_up(*answer: bytes, reset: bool = False, pause_s: float = 0.0, last: bool = False) -> Iterator[str]:
    """The base URL of a server that answers with *answer* alone, whatever that promises, and hangs up.

    Before each piece but the first it waits for *pause_s*. It hangs up only after the client where it is to be *last*.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, answer, reset, pause_s, last), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(timeout=20)


def _serve(listener: socket.socket, answer: tuple[bytes, ...], reset: bool, pause_s: float, last: bool) -> None:
    connection, _ = listener.accept()
    with connection:
        _read_request(connection)
        for place, piece in enumerate(answer):
            if place:
                threading.Event().wait(pause_s)
            connection.sendall(piece)
        if last:
            connection.settimeout(20)
            connection.recv(1)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read_request(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    missing = int(lengths[0]) - len(body)
    while missing > 0:
        missing -= len(connection.recv(65_536))
