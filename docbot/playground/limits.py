"""Rate limits as Discord sets them: a bucket for each route and channel, and one over all.

Switched off unless asked for, so that a benchmark measures the bot.
"""

import hashlib
from collections import deque
from dataclasses import dataclass, field

GLOBAL_REQUESTS = 50  # a second
STARTS_SECONDS = 5.0
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
class StartLimits:
    """How often a bot may identify; by default as good as always.

    Discord's own figures are `total` 1000 and `at_once` 1.
    """

    total: int = 1_000_000
    window_seconds: float = 86_400.0
    at_once: int = 1000  # within `STARTS_SECONDS`
    _taken: deque[float] = field(default_factory=deque)
    _began: float | None = None

    def take(self, now: float) -> str | None:
        """Count one IDENTIFY; say which limit it breaks, if one."""
        remaining = self._remaining(now)
        self._began = now if self._began is None else self._began
        while self._taken and now - self._taken[0] >= self.window_seconds:
            self._taken.popleft()
        recent = sum(now - one < STARTS_SECONDS for one in self._taken)
        self._taken.append(now)
        if remaining == 0:
            return f"over {self.total} IDENTIFYs in {self.window_seconds:.0f} s"
        if recent >= self.at_once:
            return f"over {self.at_once} IDENTIFYs in {STARTS_SECONDS:.0f} s"
        return None

    def payload(self, now: float) -> dict[str, int]:
        """What GET /gateway/bot tells of it."""
        remaining = self._remaining(now)
        left = 0.0 if self._began is None else self._began + self.window_seconds - now
        return {
            "total": self.total,
            "remaining": remaining,
            "reset_after": round(left * 1000),
            "max_concurrency": self.at_once,
        }

    def _remaining(self, now: float) -> int:
        if self._began is not None and now - self._began >= self.window_seconds:
            self._began = None
        if self._began is None:
            return self.total
        return max(0, self.total - sum(one >= self._began for one in self._taken))


@dataclass(slots=True)
class Limits:
    enabled: bool = False
    buckets: dict[str, tuple[int, float]] = field(default_factory=lambda: dict(BUCKETS))
    global_requests: int = GLOBAL_REQUESTS
    starts: StartLimits = field(default_factory=StartLimits)
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
