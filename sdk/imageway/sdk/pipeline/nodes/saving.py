"""The pictures of an answer, written one by one."""

from collections.abc import Sequence
from pathlib import Path

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageFormat
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.sdk.pictures import picture_bytes
from imageway.sdk.pipeline.files.provenance import KeptPicture
from imageway.sdk.pipeline.files.sink import save_picture
from imageway.sdk.pipeline.journal.stems import Stem

__all__ = ("save_pictures",)


def save_pictures(
    result: ImageResult,
    fetched: Sequence[bytes | ImageError | None],
    stem: Stem,
    *,
    wanted: int,
    kept: list[KeptPicture],
) -> list[ImageError]:
    """Save every picture that can be, and only then complain of the others: all of them are paid for.

    *fetched* are those that came as links, or why they can't be had; None for what came along. Each one that is saved
    is added to *kept*, so that it is known when `OSError` is raised. *wanted* is how many were asked for.
    """
    faults: list[ImageError] = []
    for index, (image, content) in enumerate(zip(result.images, fetched, strict=True)):
        revised = image.revised_prompt
        try:
            picture = save_picture(
                stem.path,
                index,
                _content(image, content),
                spare=stem.spare,
                revised_prompt=revised if isinstance(revised, str) else None,
            )
        except ImageError as error:
            faults.append(error)
            continue
        kept.append(picture)
        if picture.facts.format is ImageFormat.UNKNOWN:
            faults.append(_no_picture(picture.path, result))
    if not faults and len(kept) < wanted:
        faults.append(_too_few(len(kept), wanted, result))
    return faults


def _content(image: GeneratedImage, fetched: bytes | ImageError | None) -> bytes:
    if isinstance(fetched, ImageError):
        raise fetched
    return picture_bytes(image) if fetched is None else fetched


def _too_few(drawn: int, asked: int, result: ImageResult) -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE,
        f"The answer holds {drawn} of the {asked} pictures that were asked for; those were kept.",
        upstream_request_id=result.upstream_request_id,
        may_have_billed=True,
    )


def _no_picture(path: Path, result: ImageResult) -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE,
        f"The answer holds what is no image of a known format; it was kept as {path.name}.",
        upstream_request_id=result.upstream_request_id,
        may_have_billed=True,
    )
