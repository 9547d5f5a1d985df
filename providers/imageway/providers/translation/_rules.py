"""The rules by name, in the order in which they are applied."""

from imageway.providers.translation._answer import response_format
from imageway.providers.translation._draft import Rule
from imageway.providers.translation._files import mask_from_alpha
from imageway.providers.translation._params import default, input_fidelity, null, quality, style
from imageway.providers.translation._size import size

__all__ = ("RULES",)

RULES = (
    Rule(
        name="size",
        sentence=(
            "A size, or the contract's default size, is sent in so many words; one that the target doesn't draw"
            " is drawn at the smallest legal size of the same shape and resized to exactly what was asked for."
        ),
        apply=size,
    ),
    Rule(
        name="quality",
        sentence="Quality 'standard', also where it is left out, is sent as 'medium', and 'hd' as 'high'.",
        apply=quality,
    ),
    Rule(
        name="style",
        sentence="Style 'vivid' or 'natural' becomes a sentence at the end of the prompt.",
        apply=style,
    ),
    Rule(
        name="response-format",
        sentence="The target is asked for bytes; where the contract answers with a link the gateway makes one.",
        apply=response_format,
    ),
    Rule(
        name="mask-from-alpha",
        sentence="An edit without a mask sends the picture as its own mask, so that only its transparent part changes.",
        apply=mask_from_alpha,
    ),
    Rule(
        name="input-fidelity",
        sentence="An input fidelity at which the target always works is left out.",
        apply=input_fidelity,
    ),
    Rule(
        name="default",
        sentence="A parameter that is left out and has another default at the target is sent with the contract's.",
        apply=default,
    ),
    Rule(
        name="null",
        sentence="A null, which is the same as leaving the parameter out, is left out where the target takes none.",
        apply=null,
    ),
)
"""`size` comes before `response-format`, which must know of a picture that is yet to be resized; `null` comes last."""
