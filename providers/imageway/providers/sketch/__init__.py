"""`sketch`, the offline provider: draws real pictures from the words of the prompt, the same ones every time.

Pillow is loaded when a provider is built, not when this package is imported.
"""

from msgspec.structs import replace

from imageway.contract.spec import Choice, ModelSpec, OperationSpec
from imageway.providers.protocol import ImageProvider, ProviderPlugin
from imageway.providers.sketch.config import SketchConfig

__all__ = ("SketchConfig", "build", "narrow", "plugin")

_FORMATS_NOT_DRAWN = frozenset(("svg", "gif"))
_PARAMS_NOT_DRAWN = frozenset(("frame_count", "frame_duration_ms", "svg"))
_RULES_NOT_DRAWN = frozenset(("svg_draws_one",))


def build(config: SketchConfig) -> ImageProvider:
    """A provider with the system's clock; raises `ImportError` without Pillow."""
    from imageway.providers.sketch.provider import SketchProvider

    return SketchProvider(config)


def narrow(_config: SketchConfig, spec: ModelSpec) -> ModelSpec:
    """*spec* without SVG and GIF and what belongs to them; everything else is drawn, whatever the options."""
    return replace(spec, operations={name: _narrowed(operation) for name, operation in spec.operations.items()})


def _narrowed(operation: OperationSpec) -> OperationSpec:
    params = {name: param for name, param in operation.params.items() if name not in _PARAMS_NOT_DRAWN}
    output_format = params.get("output_format")
    if isinstance(output_format, Choice):
        params["output_format"] = replace(
            output_format,
            values=[value for value in output_format.values if value not in _FORMATS_NOT_DRAWN],
            values_only_with={
                value: condition
                for value, condition in output_format.values_only_with.items()
                if value not in _FORMATS_NOT_DRAWN
            },
        )
    return replace(operation, params=params, rules=[rule for rule in operation.rules if rule not in _RULES_NOT_DRAWN])


plugin: ProviderPlugin[SketchConfig] = ProviderPlugin(
    config_type=SketchConfig, build=build, kind=None, extra="gateway", narrow=narrow, free=True
)
