from docbot.playground.limits import Limits, StartLimits

SEND = "POST /channels/{channel_id}/messages"


def test_nothing_is_limited_unless_switched_on() -> None:
    limits = Limits()
    verdicts = [limits.take(SEND, "1", 0.0, counts_globally=True) for _ in range(100)]
    assert all(one.retry_after is None and one.headers == {} for one in verdicts)


def test_a_channel_takes_five_messages_in_five_seconds() -> None:
    limits = Limits(enabled=True)
    verdicts = [limits.take(SEND, "1", 0.0, counts_globally=True) for _ in range(6)]
    assert [one.retry_after for one in verdicts] == [None] * 5 + [5.0]
    assert verdicts[0].headers["X-RateLimit-Remaining"] == "4"
    assert verdicts[5].headers["X-RateLimit-Remaining"] == "0"
    assert limits.take(SEND, "2", 0.0, counts_globally=True).retry_after is None
    assert limits.take(SEND, "1", 5.0, counts_globally=True).retry_after is None


def test_fifty_requests_a_second_go_through_and_interactions_do_not_count() -> None:
    limits = Limits(enabled=True)
    for number in range(50):
        assert limits.take(SEND, str(number), 1.0, counts_globally=True).retry_after is None
    refused = limits.take(SEND, "new", 1.5, counts_globally=True)
    assert refused.everywhere
    assert refused.retry_after == 0.5
    assert limits.take("POST /x", "1", 1.5, counts_globally=False).retry_after is None
    assert limits.take(SEND, "new", 2.0, counts_globally=True).retry_after is None


def test_a_bot_may_identify_so_often_a_day_and_so_often_in_five_seconds() -> None:
    starts = StartLimits(total=2, window_seconds=100.0, at_once=1)
    assert starts.payload(0.0) == {
        "total": 2,
        "remaining": 2,
        "reset_after": 0,
        "max_concurrency": 1,
    }
    assert starts.take(10.0) is None
    assert "1 IDENTIFYs in 5 s" in (starts.take(12.0) or "")
    assert starts.payload(60.0)["remaining"] == 0
    assert starts.payload(60.0)["reset_after"] == 50_000
    assert "2 IDENTIFYs in 100 s" in (starts.take(60.0) or "")
    assert starts.payload(110.0)["remaining"] == 2
    assert starts.take(110.0) is None
