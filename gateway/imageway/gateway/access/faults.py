"""What can be wrong with a configuration's keys and tokens, beyond what their types tell."""

from collections.abc import Collection, Iterator
from importlib.util import find_spec
from typing import TypeAlias

from imageway.contract.document import YamlPath
from imageway.gateway.access.keyring import ANYONE
from imageway.gateway.settings import Settings
from imageway.gateway.settings.oidc import plain_http_is_fine

__all__ = ("Fault", "key_faults", "token_faults")

Fault: TypeAlias = tuple[YamlPath, str, str]
"""Where it stands, its code, and the message."""


def key_faults(settings: Settings, models: Collection[str]) -> Iterator[Fault]:
    """Of keys that contradict each other, or what there is."""
    seen: set[str] = set()
    for position, key in enumerate(settings.keys):
        place = ("keys", position)
        for name, value in (("name", key.name), *(("sha256", value) for value in key.hashes)):
            if value in seen or value == ANYONE.name:
                yield ((*place, name), "duplicate", f"the {name} of key '{key.name}' is taken")
            seen.add(value)
        for unknown in sorted(set(key.models or ()) - set(models)):
            yield ((*place, "models"), "unknown-model", f"key '{key.name}' may use '{unknown}', which is no model here")
        if any(limit is not None and limit <= 0 for limit in (key.budget_usd_per_day, key.budget_usd_per_month)):
            yield (place, "budget", f"a budget of key '{key.name}' is nothing; leave out models instead")
        if key.has_budget and settings.budgets is None:
            yield (
                place,
                "no-budgets",
                f"key '{key.name}' has a budget, and a restart would forget what is spent of it: say where to keep"
                " that, such as budgets: {store: 'sqlite:state/budgets.sqlite3'}",
            )


def token_faults(settings: Settings) -> Iterator[Fault]:
    """Of tokens that could let in nobody, or anybody."""
    oidc = settings.oidc
    if oidc is None:
        for position, key in enumerate(settings.keys):
            if not key.hashes:
                yield (("keys", position), "no-hash", f"key '{key.name}' has no sha256, so nobody can use it")
        return
    if not plain_http_is_fine(oidc.issuer):
        yield (("oidc", "issuer"), "plain-http", f"'{oidc.issuer}' must be https: who answers there lets in")
    names = {key.name for key in settings.keys}
    for value, name in oidc.keys.items():
        if name not in names:
            known = ", ".join(sorted(names)) or "none"
            yield (("oidc", "keys", value), "unknown-key-name", f"there is no key called '{name}'; there are: {known}")
    for position, key in enumerate(settings.keys):
        if not key.hashes and key.name not in oidc.keys.values():
            yield (("keys", position), "no-hash", f"key '{key.name}' has no sha256 and no token stands for it")
    if find_spec("jwt") is None or find_spec("cryptography") is None:
        yield (("oidc",), "missing-extra", "tokens need the package 'pyjwt': pip install 'imageway[oidc]'")
