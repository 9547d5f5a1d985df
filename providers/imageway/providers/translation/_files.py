"""The rule for what an edit changes where no mask says it."""

from msgspec.structs import replace

from imageway.contract.request import Operation
from imageway.providers.translation._draft import Draft, Pair

__all__ = ("mask_from_alpha",)


def mask_from_alpha(draft: Draft, pair: Pair) -> Draft:
    """The picture as its own mask, where the contract edits its transparent part and the target the whole."""
    request = draft.request
    if request.operation is not Operation.EDIT or request.mask is not None or request.markup is not None:
        return draft
    if pair.contract.images is None or pair.target.images is None:
        return draft
    asked, done = pair.contract.images.alpha_without_mask, pair.target.images.alpha_without_mask
    if asked == done:
        return draft
    if done:
        return draft.refusing(
            "mask",
            f"Without a mask {pair.target_model} edits only what is transparent in the picture, not the whole of it."
            " Send a mask that is transparent all over.",
            allowed="a mask",
        )
    if len(request.images) != 1:
        return draft.refusing(
            "mask",
            f"Each picture's transparent part is to be edited, but {pair.target_model} takes one mask, for the first."
            " Send one picture, or a mask.",
            allowed="a mask, or a single picture",
        )
    mask = replace(request.images[0], filename="mask")
    return replace(draft, request=replace(request, mask=mask))
