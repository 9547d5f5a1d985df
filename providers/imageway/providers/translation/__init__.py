"""Translation: requests that keep to one model's contract, mapped by named rules onto the spec of another.

Pure: no clock, no network, no pixels. What no rule can say faithfully in the target's terms is refused. The rules and
examples for callers: `docs/translation.md`.
"""

from imageway.providers.translation._coverage import Coverage, coverage, rules_between
from imageway.providers.translation._draft import Rule
from imageway.providers.translation._rules import RULES
from imageway.providers.translation._translate import Translation, translated, translated_result

__all__ = (
    "RULES",
    "Coverage",
    "Rule",
    "Translation",
    "coverage",
    "rules_between",
    "translated",
    "translated_result",
)
