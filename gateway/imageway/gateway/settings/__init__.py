"""The configuration: one module for each part of the file, `file` for all of it, `loading` to read it."""

from imageway.gateway.settings.loading import load_settings
from imageway.gateway.settings.models import ModelSettings, TargetSettings
from imageway.gateway.settings.server import ServerSettings, is_loopback
from imageway.gateway.settings.stores import BudgetSettings, LimitSettings, MediaSettings
from imageway.gateway.settings.whole import ProviderSettings, Settings, SettingsError, sketch_only, vendor_only

__all__ = (
    "BudgetSettings",
    "LimitSettings",
    "MediaSettings",
    "ModelSettings",
    "ProviderSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "TargetSettings",
    "is_loopback",
    "load_settings",
    "sketch_only",
    "vendor_only",
)
