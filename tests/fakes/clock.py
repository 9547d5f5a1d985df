"""A clock that moves when somebody sleeps by it, or when it is told to."""


class FakeClock:
    """Seconds, from 0. `slept` is every sleep, in order."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds
