"""Picture stores for tests, with a clock that is set by hand."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from imageway.gateway.media.store import MediaStore

NOW_S = 1_800_000_000
KEY = b"0123456789abcdef0123456789abcdef"


class Clock:
    def __init__(self, now_s: float = NOW_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def store(
    directory: Path, clock: Clock, *, max_bytes: int = 1_000_000, key: bytes = KEY, ttl_s: int = 3600
) -> MediaStore:
    return MediaStore(
        directory,
        public_url="https://images.example/",
        signing_key=key,
        ttl_s=ttl_s,
        max_bytes=max_bytes,
        clock_s=clock,
    )


def parts(link: str) -> tuple[str, str, str]:
    """The name, the expiry and the signature in *link*."""
    split = urlsplit(link)
    query = parse_qs(split.query)
    return split.path.removeprefix("/files/"), query["expires"][0], query["signature"][0]


def sizes(directory: Path) -> dict[str, int]:
    """What lies in *directory*: names, and the bytes of each."""
    return {path.name: path.lstat().st_size for path in directory.iterdir()}
