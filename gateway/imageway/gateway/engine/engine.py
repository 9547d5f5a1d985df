"""One request from check to answer: route, attempt, fall back, observe."""

import logging
from collections.abc import Callable, Sequence
from time import perf_counter

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError, UnknownModelError, UnsupportedError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.gateway.engine.events import AttemptFinished, Observer, RequestFinished
from imageway.gateway.engine.policy import may_fall_back
from imageway.providers.registry import Registry, Target

__all__ = ("Engine", "Outcome")

_log = logging.getLogger(__name__)


class Outcome(Struct, frozen=True, kw_only=True):
    """Pictures, and how they came about; `translated` names the rules by which the request was changed on the way."""

    result: ImageResult
    target: Target
    attempts: int
    translated: tuple[str, ...] = ()


class _Progress:
    """What is known of a request so far, for its last event."""

    def __init__(self) -> None:
        self.attempts = 0
        self.upstream_s = 0.0
        self.provider: str | None = None
        self.translated: tuple[str, ...] = ()


class Engine:
    """The road from a request to its pictures. `clock_s` counts seconds, from anywhere."""

    def __init__(
        self,
        registry: Registry,
        *,
        default_model: str | None = None,
        observers: Sequence[Observer] = (),
        clock_s: Callable[[], float] = perf_counter,
    ) -> None:
        self.registry = registry
        self._default_model = default_model
        self._observers = observers
        self._clock_s = clock_s

    async def run(self, request: ImageRequest, *, request_id: str) -> Outcome:
        """Have *request* drawn. Raises `ImageError`; its `UnsupportedError` means that nothing was sent."""
        started_s = self._clock_s()
        progress = _Progress()
        if not request.model and self._default_model:
            request = replace(request, model=self._default_model)
        try:
            outcome = await self._run(request, request_id, progress)
        except BaseException as error:
            self._finish(request, request_id, started_s, progress, error=error)
            raise
        self._finish(request, request_id, started_s, progress, images=len(outcome.result.images))
        return outcome

    def refused(self, operation: Operation, error: ImageError, *, request_id: str) -> None:
        """Tell observers of a call whose body was no request: it never came to `run`."""
        nobody = ImageRequest(operation=operation, model="", params={})
        self._finish(nobody, request_id, self._clock_s(), _Progress(), error=error)

    async def _run(self, request: ImageRequest, request_id: str, progress: _Progress) -> Outcome:
        if not request.model:
            raise ImageError(
                ErrorCode.INVALID_REQUEST,
                "Missing required parameter: 'model'.",
                param="model",
                upstream_code="missing_required_parameter",
            )
        route = self.registry.route(request)
        request, progress.translated = route.request, route.translated
        *others, last = route.targets
        if request.params.get("stream") is True:
            raise ImageError(
                ErrorCode.UNSUPPORTED,
                "This gateway doesn't stream yet: send the request with stream left out or false.",
                param="stream",
                upstream_code="invalid_value",
            )
        for target in others:
            try:
                return await self._attempt(target, request, request_id, progress)
            except ImageError as error:
                if not may_fall_back(error):
                    raise
        return await self._attempt(last, request, request_id, progress)

    async def _attempt(self, target: Target, request: ImageRequest, request_id: str, progress: _Progress) -> Outcome:
        progress.attempts += 1
        progress.provider = target.provider_name
        started_s = self._clock_s()
        code = "cancelled"
        upstream_request_id = None
        try:
            result = await target.create(request)
            code, upstream_request_id = "ok", result.upstream_request_id
        except ImageError as error:
            code, upstream_request_id = error.code.value, error.upstream_request_id
            raise
        except Exception:
            code = ErrorCode.INTERNAL.value
            raise
        finally:
            seconds = self._clock_s() - started_s
            progress.upstream_s += seconds
            self._tell(
                AttemptFinished(
                    request_id=request_id,
                    model=request.model,
                    provider=target.provider_name,
                    upstream_model=target.upstream_model,
                    attempt=progress.attempts,
                    code=code,
                    seconds=seconds,
                    upstream_request_id=upstream_request_id,
                )
            )
        return Outcome(result=result, target=target, attempts=progress.attempts, translated=progress.translated)

    def _finish(
        self,
        request: ImageRequest,
        request_id: str,
        started_s: float,
        progress: _Progress,
        *,
        images: int = 0,
        error: BaseException | None = None,
    ) -> None:
        prompt = request.params.get("prompt")
        self._tell(
            RequestFinished(
                request_id=request_id,
                operation=request.operation,
                model=None if isinstance(error, UnknownModelError) or not request.model else request.model,
                provider=progress.provider,
                code=_code_of(error),
                seconds=self._clock_s() - started_s,
                upstream_seconds=progress.upstream_s,
                attempts=progress.attempts,
                images=images,
                prompt_chars=len(prompt) if isinstance(prompt, str) else 0,
                input_images=len(request.images),
                input_bytes=sum(len(image.content) for image in request.images),
                faults=tuple(violation.code for violation in error.violations)
                if isinstance(error, UnsupportedError)
                else (),
                translated=progress.translated,
            )
        )

    def _tell(self, event: AttemptFinished | RequestFinished) -> None:
        for observer in self._observers:
            try:
                if isinstance(event, AttemptFinished):
                    observer.attempt_finished(event)
                else:
                    observer.request_finished(event)
            except Exception:  # noqa: BLE001  # an observer must not touch the request, whatever it does
                _log.exception("observer.failed")


def _code_of(error: BaseException | None) -> str:
    match error:
        case None:
            return "ok"
        case ImageError():
            return error.code.value
        case Exception():
            return ErrorCode.INTERNAL.value
        case _:
            return "cancelled"
