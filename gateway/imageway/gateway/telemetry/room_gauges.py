"""How much room there is for bodies and answers, and which calls found none."""

from collections.abc import Callable

from imageway.gateway.http.exchange import CallsInFlight
from imageway.gateway.spool import Spool
from imageway.gateway.telemetry.families import Families

__all__ = ("RoomGauges",)


class RoomGauges:
    """Reads *spool* and *in_flight* whenever the page of metrics is asked for."""

    def __init__(self, families: Families, spool: Spool, in_flight: CallsInFlight) -> None:
        families.room_limit.labels("memory").set(spool.limit_bytes("memory"))
        families.room_limit.labels("disk").set(spool.limit_bytes("disk"))
        families.room_used.labels("memory").set_function(lambda: spool.used_memory_bytes)
        families.room_used.labels("disk").set_function(lambda: spool.used_disk_bytes)
        self._counts: dict[str, Callable[[], int]] = {
            "room": lambda: spool.refused,
            "disk_fault": lambda: spool.failed,
            "calls_in_flight": lambda: in_flight.refused,
        }
        self._told = dict.fromkeys(self._counts, 0)
        self._shed = {cause: families.shed.labels(cause) for cause in self._counts}

    async def refresh(self) -> None:
        for cause, counted in self._counts.items():
            now = counted()
            self._shed[cause].inc(now - self._told[cause])
            self._told[cause] = now
