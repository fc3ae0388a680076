"""Rate limits as Discord sets them: a bucket for each route and channel, and one over all.

Switched off unless asked for, so that a benchmark measures the bot.
"""

import hashlib
from dataclasses import dataclass, field

GLOBAL_REQUESTS = 50  # a second
DEFAULT_BUCKET = (50, 1.0)
BUCKETS = {  # requests, seconds
    "POST /channels/{channel_id}/messages": (5, 5.0),
    "PATCH /channels/{channel_id}/messages/{message_id}": (5, 5.0),
    "DELETE /channels/{channel_id}/messages/{message_id}": (5, 1.0),
    "POST /channels/{channel_id}/typing": (5, 5.0),
    "PATCH /channels/{channel_id}": (5, 15.0),
    "POST /channels/{channel_id}/threads": (10, 15.0),
    "GET /channels/{channel_id}/messages": (5, 1.0),
    "POST /webhooks/{application_id}/{token}": (5, 2.0),
}


@dataclass(slots=True)
class _Window:
    began: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headers of a request's answer, and how long to wait if it is refused."""

    headers: dict[str, str]
    retry_after: float | None = None
    everywhere: bool = False


@dataclass(slots=True)
class Limits:
    enabled: bool = False
    buckets: dict[str, tuple[int, float]] = field(default_factory=lambda: dict(BUCKETS))
    global_requests: int = GLOBAL_REQUESTS
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)
    _all: _Window = field(default_factory=lambda: _Window(0.0))

    def take(self, route: str, major: str, now: float, *, counts_globally: bool) -> Verdict:
        """Count one request.

        Args:
            route: method and template, as in `BUCKETS`.
            major: the channel, guild or token that the bucket belongs to.
            now: seconds on any clock that only goes forward.
            counts_globally: false for interactions, which the global limit leaves out.
        """
        if not self.enabled:
            return Verdict({})
        if counts_globally and (wait := self._take_global(now)) is not None:
            return Verdict({"X-RateLimit-Global": "true"}, wait, everywhere=True)
        limit, seconds = self.buckets.get(route, DEFAULT_BUCKET)
        window = self._windows.get((route, major))
        if window is None or now - window.began >= seconds:
            self._forget(now)
            window = self._windows[(route, major)] = _Window(now)
        left = window.began + seconds - now
        refused = window.used >= limit
        window.used += not refused
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - window.used),
            "X-RateLimit-Reset": f"{now + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(route.encode()).hexdigest()[:32],
        }
        return Verdict(headers, left if refused else None)

    def _take_global(self, now: float) -> float | None:
        if now - self._all.began >= 1:
            self._all = _Window(now)
        if self._all.used >= self.global_requests:
            return self._all.began + 1 - now
        self._all.used += 1
        return None

    def _forget(self, now: float) -> None:
        if len(self._windows) > 10_000:
            self._windows = {key: one for key, one in self._windows.items() if now - one.began < 60}
