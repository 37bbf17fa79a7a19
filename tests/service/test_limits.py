"""Laws of admission, quota and rate."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import NoFreeInstance, QuotaExceeded, RateLimited
from dragoman.core.ports import Instances
from dragoman.service.limits import Admission, Quota, RateLimit

pytestmark = pytest.mark.unit

MINUTE = 60_000


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2024, 2, 28, 23, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@given(total=st.integers(1, 8), steps=st.lists(st.booleans(), max_size=40))
def test_never_more_than_the_total_are_in_and_the_count_is_true(total: int, steps: list[bool]) -> None:
    admission = Admission(total)
    inside: list[ExitStack] = []
    for enter in steps:
        if not enter:
            if inside:
                inside.pop().close()
        elif len(inside) < total:
            stack = ExitStack()
            stack.enter_context(admission.admit())
            inside.append(stack)
        else:
            with pytest.raises(NoFreeInstance, match=f"All {total} "), admission.admit():
                pass
        assert admission.instances == Instances(total, len(inside))


def test_several_instances_are_taken_all_or_none() -> None:
    admission = Admission(3)
    with admission.admit(2):
        assert admission.instances == Instances(3, 2)
        with pytest.raises(NoFreeInstance, match="All but 1 of the 3"), admission.admit(2):
            pass
        with admission.admit():
            assert admission.instances == Instances(3, 3)
    assert admission.instances == Instances(3, 0)


def test_more_than_there_are_is_told_from_a_full_house() -> None:
    with pytest.raises(NoFreeInstance, match=r"needs 2 .* max_concurrent_streams .* 1"):
        Admission(1, "max_concurrent_streams").admit(2).__enter__()


def test_an_instance_is_free_again_after_an_error() -> None:
    admission = Admission(1)
    with pytest.raises(ZeroDivisionError), admission.admit():
        raise ZeroDivisionError
    assert admission.instances.busy == 0


def use(quota: Quota, minutes: float, *, profile: str = "accurate", key_id: str = "a", claims: bool = True) -> None:
    with quota.reserve(profile, key_id) as reservation:
        if claims:
            reservation.hold(round(minutes * MINUTE))
        reservation.used_ms = round(minutes * MINUTE)


def test_what_was_used_is_gone_for_the_day() -> None:
    quota = Quota({"accurate": 10}, Clock())
    use(quota, 6)
    with pytest.raises(QuotaExceeded, match=r"4\.0 are left"):
        use(quota, 5)
    use(quota, 4)
    with pytest.raises(QuotaExceeded, match="used up"):
        use(quota, 0.1)


def test_the_day_ends_at_midnight_utc_whatever_the_clock_is_set_to() -> None:
    clock = Clock()
    clock.now = clock.now.astimezone(timezone(timedelta(hours=9)))
    quota = Quota({"accurate": 10}, clock)
    use(quota, 10)
    clock.now += timedelta(minutes=59)
    with pytest.raises(QuotaExceeded):
        use(quota, 1)
    clock.now += timedelta(minutes=1)
    use(quota, 10)


def test_keys_and_profiles_have_quotas_of_their_own() -> None:
    quota = Quota({"accurate": 10, "other": 10, "free": None}, Clock())
    use(quota, 10)
    use(quota, 10, key_id="b")
    use(quota, 10, profile="other")
    for _ in range(3):
        use(quota, 10_000, profile="free")


def test_files_at_the_same_time_cannot_go_past_the_quota_together() -> None:
    quota = Quota({"accurate": 10}, Clock())
    with quota.reserve("accurate", "a") as one, quota.reserve("accurate", "a") as two:
        one.hold(6 * MINUTE)
        with pytest.raises(QuotaExceeded):
            two.hold(6 * MINUTE)


def test_what_was_held_but_not_used_comes_back() -> None:
    quota = Quota({"accurate": 10}, Clock())
    with quota.reserve("accurate", "a") as reservation:
        reservation.hold(10 * MINUTE)
        reservation.used_ms = 3 * MINUTE
    use(quota, 7)
    with pytest.raises(QuotaExceeded):
        use(quota, 0.1)


def test_a_file_that_does_not_say_its_length_is_counted_afterwards() -> None:
    quota = Quota({"accurate": 10}, Clock())
    use(quota, 15, claims=False)
    with pytest.raises(QuotaExceeded):
        use(quota, 0.1, claims=False)


def test_a_file_over_midnight_does_not_count_for_the_new_day() -> None:
    clock = Clock()
    quota = Quota({"accurate": 10}, clock)
    with quota.reserve("accurate", "a") as reservation:
        reservation.hold(9 * MINUTE)
        clock.now += timedelta(hours=2)
        use(quota, 10, key_id="b")
        reservation.used_ms = 9 * MINUTE
    use(quota, 10)


@given(limit=st.integers(1, 100), lengths=st.lists(st.lists(st.integers(0, 30), max_size=10), max_size=4))
def test_streams_that_grow_never_go_past_the_quota_together_and_all_they_used_counts(
    limit: int, lengths: list[list[int]]
) -> None:
    quota = Quota({"live": limit}, Clock())
    limit_ms = limit * MINUTE
    with ExitStack() as streams:
        reservations = [streams.enter_context(quota.reserve("live", "a")) for _ in lengths]
        for reservation, grown in zip(reservations, lengths, strict=True):
            for by_ms in (minutes * MINUTE for minutes in grown):
                before_ms = reservation.used_ms
                others_ms = sum(other.used_ms for other in reservations) - before_ms
                if others_ms + before_ms + by_ms <= limit_ms:
                    reservation.grow(before_ms + by_ms)
                    assert reservation.used_ms == before_ms + by_ms
                else:
                    with pytest.raises(QuotaExceeded):
                        reservation.grow(before_ms + by_ms)
                    assert reservation.used_ms == before_ms
        used_ms = sum(reservation.used_ms for reservation in reservations)
    if used_ms < limit_ms:
        with quota.reserve("live", "a") as last:
            last.grow(limit_ms - used_ms)
            with pytest.raises(QuotaExceeded):
                last.grow(limit_ms - used_ms + 1)
    else:
        with pytest.raises(QuotaExceeded), quota.reserve("live", "a"):
            pass


class Ticks:
    """A steady clock and a time of day that go together."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def steady(self) -> float:
        return 500 + self.now_s

    def day(self) -> float:
        return 1_700_000_000 + self.now_s


def rated(limit: int, window_s: int) -> tuple[RateLimit, Ticks]:
    ticks = Ticks()
    return RateLimit(limit, window_s, clock=ticks.steady, now=ticks.day), ticks


@given(
    limit=st.integers(1, 5),
    window_s=st.integers(1, 10),
    # The clocks count exactly in 64ths; a rounding error more would look like another window.
    asks=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 320).map(lambda ticks: ticks / 64)), max_size=60),
)
def test_a_key_gets_no_more_than_the_limit_in_a_window_and_is_told_how_many_are_left(
    limit: int, window_s: int, asks: list[tuple[str, float]]
) -> None:
    rate, ticks = rated(limit, window_s)
    windows: dict[str, tuple[int, int]] = {}
    for key, pause_s in asks:
        ticks.now_s += pause_s
        reset_s, taken = windows.get(key, (0, 0))
        if taken == limit and ticks.day() < reset_s - 1:  # told in whole seconds, rounded up
            with pytest.raises(RateLimited) as refused:
                rate.take(key)
            assert refused.value.limit == limit
            assert 1 <= refused.value.retry_after_s <= window_s
            continue
        try:
            allowance = rate.take(key)
        except RateLimited:
            continue
        assert allowance is not None
        assert ticks.day() <= allowance.reset_s <= ticks.day() + window_s + 1
        if allowance.reset_s != reset_s:
            assert ticks.day() >= reset_s - 1
            taken = 0
        assert allowance.remaining == limit - taken - 1 >= 0
        windows[key] = (allowance.reset_s, taken + 1)


def test_who_waited_as_long_as_was_said_is_let_in() -> None:
    rate, ticks = rated(2, 10)
    rate.take("a")
    ticks.now_s = 7.5
    rate.take("a")
    with pytest.raises(RateLimited) as refused:
        rate.take("a")
    rate.take("b")
    ticks.now_s += refused.value.retry_after_s
    rate.take("a")


def test_without_a_limit_nobody_is_refused() -> None:
    rate = RateLimit(None)
    assert {rate.take("a") for _ in range(1000)} == {None}


def test_any_number_of_keys_takes_bounded_memory() -> None:
    rate, _ = rated(1, 3600)
    for number in range(10_001):
        rate.take(f"key {number}")
    rate.take("key 0")
    with pytest.raises(RateLimited):
        rate.take("key 10000")
