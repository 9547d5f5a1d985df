"""Names and links of pictures: only what a store made itself is ever read back."""

import hashlib
import hmac

import pytest

from fakes.media_stores import KEY, NOW_S, parts
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageFormat
from imageway.gateway.media.links import Links, PictureName, new_name, parsed_name

NAME = f"{NOW_S}-{'a' * 32}.png"


def signed(name: str, expires: str) -> str:
    """What somebody who has the key could sign."""
    return hmac.new(KEY, f"{len(name)}:{name}:{expires}".encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def links() -> Links:
    return Links(public_url="https://images.example/ai/", signing_key=KEY)


@pytest.mark.parametrize("format_", ImageFormat)
def test_a_name_tells_its_expiry_and_its_type(format_: ImageFormat) -> None:
    name = new_name(NOW_S, format_)

    assert parsed_name(name.text) == name
    assert (name.expires_s, name.media_type) == (NOW_S, format_.media_type)
    assert new_name(NOW_S, format_).text != name.text


def test_a_link_is_read_back(links: Links) -> None:
    link = links.link(PictureName(text=NAME, expires_s=NOW_S, media_type="image/png"))

    assert link == f"https://images.example/ai/files/{NAME}?expires={NOW_S}&signature={signed(NAME, str(NOW_S))}"
    name, expires, signature = parts(link.replace("/ai", ""))
    assert links.read(name, expires, signature, now_s=NOW_S) == parsed_name(NAME)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../secret.png", "/etc/passwd", "secret.png", f"../{NAME}", f"x/{NAME}", f"{NAME}/../secret.png",
     f"{NAME}\n", f"{NAME}\x00", f"{NAME}.part", f"-{NAME}", f"0{NAME}", f"{NAME[:-3]}exe", f"{NAME[:-3]}PNG",
     f"{NOW_S}-{'A' * 32}.png", f"{NOW_S}-{'a' * 31}.png", f"{NOW_S}-{'a' * 33}.png", f"{'9' * 16}-{'a' * 32}.png",
     f"{NOW_S}-{'a' * 31}\u0661.png", f"\u0661-{'a' * 32}.png"],
)  # fmt: skip
def test_no_other_name_is_one_even_when_it_is_signed(links: Links, name: str) -> None:
    assert parsed_name(name) is None
    with pytest.raises(ImageError) as caught:
        links.read(name, str(NOW_S), signed(name, str(NOW_S)), now_s=NOW_S)
    assert caught.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("expires", [str(NOW_S + 1), f"0{NOW_S}", f" {NOW_S}", "", "never"])
def test_another_expiry_than_the_names_own_is_no_link_even_when_it_is_signed(links: Links, expires: str) -> None:
    with pytest.raises(ImageError) as caught:
        links.read(NAME, expires, signed(NAME, expires), now_s=NOW_S)
    assert caught.value.code is ErrorCode.NOT_FOUND
