"""The clients' calls with the parameters of each catalogue model, for editors and type checkers.

Written by sdk/generate_model_calls.py from the catalogue; don't edit. A gateway may have other models and names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, overload

if TYPE_CHECKING:
    from typing import Unpack

    from imageway.contract.request import JsonValue
    from imageway.sdk.pictures import Picture
    from imageway.sdk.results import Drawing

FreeSize: TypeAlias = (
    Literal[
        "auto", "1024x1024", "1536x1024", "1024x1536", "2048x2048", "2048x1152", "1152x2048", "3840x2160", "2160x3840"
    ]
    | str
)
"""Any size that fits the model's grid; some usual ones."""


class DallE2Generate(TypedDict, total=False):
    """dall-e-2"""

    n: int | None
    size: Literal["256x256", "512x512", "1024x1024"] | None
    response_format: Literal["url", "b64_json"] | None
    user: str
    quality: Literal["standard"] | None


class DallE3Generate(TypedDict, total=False):
    """dall-e-3"""

    n: int | None
    size: Literal["1024x1024", "1792x1024", "1024x1792"] | None
    response_format: Literal["url", "b64_json"] | None
    user: str
    quality: Literal["standard", "hd"] | None
    style: Literal["vivid", "natural"] | None


class GptImage1Generate(TypedDict, total=False):
    """gpt-image-1, gpt-image-1-mini, gpt-image-1.5, chatgpt-image-latest"""

    n: int | None
    size: Literal["auto", "1024x1024", "1536x1024", "1024x1536"] | None
    quality: Literal["low", "medium", "high", "auto"] | None
    background: Literal["transparent", "opaque", "auto"] | None
    moderation: Literal["low", "auto"] | None
    output_format: Literal["png", "jpeg", "webp"] | None
    output_compression: int | None
    user: str
    safety_identifier: str | None


class GptImage2Generate(TypedDict, total=False):
    """gpt-image-2"""

    n: int | None
    size: FreeSize | None
    quality: Literal["low", "medium", "high", "auto"] | None
    background: Literal["transparent", "opaque", "auto"] | None
    moderation: Literal["low", "auto"] | None
    output_format: Literal["png", "jpeg", "webp"] | None
    output_compression: int | None
    user: str
    safety_identifier: str | None


class GptImage25SunburstGenerate(TypedDict, total=False):
    """gpt-image-2.5-sunburst, gpt-image-2.5-flare, gpt-image-2.6-sunburst, gpt-image-2.6-flare"""

    n: int | None
    size: FreeSize | None
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto"] | None
    background: Literal["transparent", "opaque", "auto"] | None
    moderation: Literal["low", "auto"] | None
    output_format: Literal["png", "jpeg", "webp", "gif", "svg"] | None
    output_compression: int | None
    user: str
    safety_identifier: str | None
    complexity: Literal["low", "medium", "high"] | None
    frame_count: int | None
    frame_duration_ms: int | None
    svg: dict[str, JsonValue] | None


class DallE2Edit(TypedDict, total=False):
    """dall-e-2"""

    n: int | None
    size: Literal["256x256", "512x512", "1024x1024"] | None
    response_format: Literal["url", "b64_json"] | None
    user: str


class GptImage1Edit(GptImage1Generate, total=False):
    """gpt-image-1, gpt-image-1.5, chatgpt-image-latest"""

    input_fidelity: Literal["high", "low"] | None


class GptImage1MiniEdit(GptImage1Generate, total=False):
    """gpt-image-1-mini"""

    input_fidelity: Literal["low"] | None


class GptImage2Edit(GptImage2Generate, total=False):
    """gpt-image-2"""


class GptImage25SunburstEdit(GptImage25SunburstGenerate, total=False):
    """gpt-image-2.5-sunburst, gpt-image-2.5-flare, gpt-image-2.6-sunburst, gpt-image-2.6-flare"""


class AsyncModelCalls:
    """`generate` and `edit`, of which a client has the insides."""

    @overload
    async def generate(
        self, prompt: str, *, model: Literal["dall-e-2"], **params: Unpack[DallE2Generate]
    ) -> Drawing: ...
    @overload
    async def generate(
        self, prompt: str, *, model: Literal["dall-e-3"], **params: Unpack[DallE3Generate]
    ) -> Drawing: ...
    @overload
    async def generate(
        self,
        prompt: str,
        *,
        model: Literal["gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest"],
        **params: Unpack[GptImage1Generate],
    ) -> Drawing: ...
    @overload
    async def generate(
        self, prompt: str, *, model: Literal["gpt-image-2"], **params: Unpack[GptImage2Generate]
    ) -> Drawing: ...
    @overload
    async def generate(
        self,
        prompt: str,
        *,
        model: Literal[
            "gpt-image-2.5-sunburst", "gpt-image-2.5-flare", "gpt-image-2.6-sunburst", "gpt-image-2.6-flare"
        ],
        **params: Unpack[GptImage25SunburstGenerate],
    ) -> Drawing: ...
    @overload
    async def generate(self, prompt: str, *, model: str, **params: JsonValue) -> Drawing: ...
    async def generate(self, prompt: str, *, model: str, **params: JsonValue) -> Drawing:
        """Have *model* draw *prompt*; *params* are those of the Images API. Raises `ImageError`."""
        return await self._generate(prompt, model, params)

    @overload
    async def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: Literal["dall-e-2"],
        mask: Picture | None = None,
        **params: Unpack[DallE2Edit],
    ) -> Drawing: ...
    @overload
    async def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: Literal["gpt-image-1", "gpt-image-1.5", "chatgpt-image-latest"],
        mask: Picture | None = None,
        **params: Unpack[GptImage1Edit],
    ) -> Drawing: ...
    @overload
    async def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: Literal["gpt-image-1-mini"],
        mask: Picture | None = None,
        **params: Unpack[GptImage1MiniEdit],
    ) -> Drawing: ...
    @overload
    async def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: Literal["gpt-image-2"],
        mask: Picture | None = None,
        **params: Unpack[GptImage2Edit],
    ) -> Drawing: ...
    @overload
    async def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: Literal[
            "gpt-image-2.5-sunburst", "gpt-image-2.5-flare", "gpt-image-2.6-sunburst", "gpt-image-2.6-flare"
        ],
        mask: Picture | None = None,
        **params: Unpack[GptImage25SunburstEdit],
    ) -> Drawing: ...
    @overload
    async def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: str,
        mask: Picture | None = None,
        **params: JsonValue,
    ) -> Drawing: ...
    async def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: str,
        mask: Picture | None = None,
        **params: JsonValue,
    ) -> Drawing:
        """Have *model* change *images*, one or several, as *prompt* says. Raises `ImageError`."""
        return await self._edit(images, prompt, model, mask, params)

    async def _generate(self, prompt: str, model: str, params: dict[str, JsonValue]) -> Drawing:
        raise NotImplementedError

    async def _edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        model: str,
        mask: Picture | None,
        params: dict[str, JsonValue],
    ) -> Drawing:
        raise NotImplementedError


class ModelCalls:
    """`generate` and `edit`, of which a client has the insides."""

    @overload
    def generate(self, prompt: str, *, model: Literal["dall-e-2"], **params: Unpack[DallE2Generate]) -> Drawing: ...
    @overload
    def generate(self, prompt: str, *, model: Literal["dall-e-3"], **params: Unpack[DallE3Generate]) -> Drawing: ...
    @overload
    def generate(
        self,
        prompt: str,
        *,
        model: Literal["gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest"],
        **params: Unpack[GptImage1Generate],
    ) -> Drawing: ...
    @overload
    def generate(
        self, prompt: str, *, model: Literal["gpt-image-2"], **params: Unpack[GptImage2Generate]
    ) -> Drawing: ...
    @overload
    def generate(
        self,
        prompt: str,
        *,
        model: Literal[
            "gpt-image-2.5-sunburst", "gpt-image-2.5-flare", "gpt-image-2.6-sunburst", "gpt-image-2.6-flare"
        ],
        **params: Unpack[GptImage25SunburstGenerate],
    ) -> Drawing: ...
    @overload
    def generate(self, prompt: str, *, model: str, **params: JsonValue) -> Drawing: ...
    def generate(self, prompt: str, *, model: str, **params: JsonValue) -> Drawing:
        """Have *model* draw *prompt*; *params* are those of the Images API. Raises `ImageError`."""
        return self._generate(prompt, model, params)

    @overload
    def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: Literal["dall-e-2"],
        mask: Picture | None = None,
        **params: Unpack[DallE2Edit],
    ) -> Drawing: ...
    @overload
    def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: Literal["gpt-image-1", "gpt-image-1.5", "chatgpt-image-latest"],
        mask: Picture | None = None,
        **params: Unpack[GptImage1Edit],
    ) -> Drawing: ...
    @overload
    def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: Literal["gpt-image-1-mini"],
        mask: Picture | None = None,
        **params: Unpack[GptImage1MiniEdit],
    ) -> Drawing: ...
    @overload
    def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: Literal["gpt-image-2"],
        mask: Picture | None = None,
        **params: Unpack[GptImage2Edit],
    ) -> Drawing: ...
    @overload
    def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: Literal[
            "gpt-image-2.5-sunburst", "gpt-image-2.5-flare", "gpt-image-2.6-sunburst", "gpt-image-2.6-flare"
        ],
        mask: Picture | None = None,
        **params: Unpack[GptImage25SunburstEdit],
    ) -> Drawing: ...
    @overload
    def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: str,
        mask: Picture | None = None,
        **params: JsonValue,
    ) -> Drawing: ...
    def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        *,
        model: str,
        mask: Picture | None = None,
        **params: JsonValue,
    ) -> Drawing:
        """Have *model* change *images*, one or several, as *prompt* says. Raises `ImageError`."""
        return self._edit(images, prompt, model, mask, params)

    def _generate(self, prompt: str, model: str, params: dict[str, JsonValue]) -> Drawing:
        raise NotImplementedError

    def _edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        model: str,
        mask: Picture | None,
        params: dict[str, JsonValue],
    ) -> Drawing:
        raise NotImplementedError
