"""The rules for plain parameters: quality, style, input fidelity, other defaults, and null."""

from types import MappingProxyType

from imageway.contract.request import JsonValue
from imageway.contract.spec import Choice, Param, default_of
from imageway.providers.translation._draft import Draft, Pair

__all__ = ("QUALITIES", "STYLES", "default", "input_fidelity", "null", "quality", "style")

QUALITIES = MappingProxyType({"standard": "medium", "hd": "high"})
STYLES = MappingProxyType(
    {
        "vivid": "Make it vivid: strong light, saturated colours and a striking, larger-than-life look.",
        "natural": "Keep it natural: soft light, true-to-life colours and a plain, unstaged look.",
    }
)
_ONLY_QUALITY = "standard"
_OWN_RULES = frozenset(("size", "quality", "response_format"))


def quality(draft: Draft, pair: Pair) -> Draft:
    """The target's word for a quality, also for one that was left out: `auto` costs something else every time.

    A contract without the parameter is one of DALL-E, which drew at its standard quality then.
    """
    domain = pair.target.params.get("quality")
    if not isinstance(domain, Choice):
        return draft
    stated = draft.request.params.get("quality")
    own = default_of(pair.contract.params, "quality") if "quality" in pair.contract.params else _ONLY_QUALITY
    meant = own if stated is None else stated
    if not isinstance(meant, str) or (stated is None and meant == domain.default):
        return draft
    mapped = QUALITIES.get(meant)
    sent = mapped if mapped in domain.values and meant not in domain.values else meant
    return draft.with_param("quality", sent)


def style(draft: Draft, pair: Pair) -> Draft:
    """A sentence at the end of the prompt where the style was asked for; a style left out adds nothing."""
    stated, prompt = draft.request.params.get("style"), draft.request.params.get("prompt")
    if "style" in pair.target.params or not isinstance(stated, str) or not isinstance(prompt, str):
        return draft
    sentence = STYLES.get(stated)
    if sentence is None:
        return draft
    return draft.without_param("style").with_param("prompt", f"{prompt}\n\n{sentence}")


def input_fidelity(draft: Draft, pair: Pair) -> Draft:
    """Dropped where the target always works as asked; asking for what it never does is refused."""
    stated, fixed = draft.request.params.get("input_fidelity"), pair.target.always.get("input_fidelity")
    if stated is None or fixed is None:
        return draft
    if stated == fixed:
        return draft.without_param("input_fidelity")
    return draft.refusing(
        "input_fidelity",
        f"'input_fidelity' is '{stated}', but {pair.target_model} keeps to the pictures at fidelity '{fixed}' always,"
        f" which costs more input tokens. Leave it out, or say '{fixed}'.",
        value=stated,
        allowed=f"'{fixed}', or left out",
    )


def default(draft: Draft, pair: Pair) -> Draft:
    """Whatever else is left out and would mean something else at the target is sent as the contract has it."""
    for name, domain in pair.target.params.items():
        if name in _OWN_RULES or name not in pair.contract.params or draft.request.params.get(name) is not None:
            continue
        meant = default_of(pair.contract.params, name)
        if meant is not None and meant != default_of(pair.target.params, name) and not _depends(domain):
            draft = draft.with_param(name, meant)
    return draft


def null(draft: Draft, pair: Pair) -> Draft:
    """A null is the same as nothing; it is left out where the target wouldn't take it."""
    for name, value in draft.request.params.items():
        if value is None and name in pair.contract.params and not _takes_null(pair.target.params.get(name)):
            draft = draft.without_param(name)
    return draft


def _depends(domain: Param) -> bool:
    """Whether a parameter means nothing without others: then its default does no harm, and sending it might."""
    conditions: JsonValue = getattr(domain, "only_with", None)
    return bool(conditions)


def _takes_null(domain: Param | None) -> bool:
    return domain is not None and domain.nullable
