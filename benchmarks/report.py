"""A result as a table, and which limits it does not keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

HTTP_RATIO = 1.05
SCALING = 1.8
READY_S = 5.0
MEMORY_MB = 450.0
INSTALLED_MB = 500.0
PLAIN_RATIO = 0.6
TIMED_RATIO = 0.9
INVENTED_PER_MINUTE = 1.0
SENTENCE_PERCENT = 99.0
AREA_UNDER_CURVE = 0.88
CALIBRATION_ERROR = 0.03
PHRASES = {"100 distractors": (90.0, 1.0), "1000 distractors": (82.0, 2.0)}
"""Least recall in percent, and most false words per 1,000."""
PHRASES_COST = 1.10
FOUND_BY_SOUND_PERCENT = 55.0
KEPT_PERCENT = 98.0
FALSE_BY_SOUND = 1.0
RECALL_WITH_SPELLING_PERCENT = 90.0
PROMISED_STREAMS = 6
FIRST_PARTIAL_S = 1.2
PARTIAL_GAP_S = 1.0
FINAL_S = 0.9
"""These three at the 95th percentile."""
PARTIAL_WORDS_WRONG_PERCENT = 10.0
STABLE_WORDS_WRONG_PERCENT = 2.0
LIVE_ERROR_RATIO = 1.15
REFUSAL_MS = 100.0
LATENCY_P99_MS = 25.0
STREAM_KB = 100.0
SERVER_SHARE = 0.35
LEFT_BEHIND_KB = 4096
"""Of memory, after ten thousand rude clients: what an allocator keeps, not what grows with each."""
AMAZON_SERVER_SHARE = 0.25
CHANGED_RATIO = 0.5
"""What ``high`` changes of the words it showed, against ``low``."""
PII_RECALL = 0.85
PII_PRECISION = 0.92
PII_IN_RECORDINGS = 2
"""Of other types than names: the recordings say names, and nothing else that is personal."""
ACCEPTED_A_SECOND = 100.0
POLL_P95_MS = 25.0
UPLOAD_MB = 50.0
FULL_STORE_RATIO = 1.5
"""What a call may cost beside 100,000 jobs that are done, against few: the noise of one, not their number."""
JOBS_WAITED_FOR = 1.1
"""One that runs already, and what the clock of a busy machine adds."""


SPEAKERS = {"ami": 27.0, "two speakers": 15.0, "four speakers": 10.0}
"""Most diarization error in percent."""
SPEAKERS_COST = 0.07
CHANGES = 0.85
WORDS_TO_SPEAKER_PERCENT = 95.0


def render(result: dict[str, Any]) -> str:
    return "\n".join(
        [
            *_accuracy_lines(result.get("accuracy")),
            *_system_lines(result.get("system")),
            *_stream_lines(result.get("streams")),
            *_partial_lines(result.get("partials")),
            *_amazon_lines(result.get("amazon_streams"), result.get("amazon_stability")),
            *_pii_lines(result.get("pii")),
            *_job_lines(result.get("jobs")),
            *_speaker_lines(result.get("speakers")),
        ]
    )


def _accuracy_lines(accuracy: dict[str, Any] | None) -> Iterator[str]:
    if accuracy is None:
        return
    heading = f"{'':14}{'audio':>8}{'WER library':>13}{'ours':>7}{'ratio':>7}{'limit':>7}"
    yield f"{heading}   processor s per audio s: library, text, with word times"
    for name, folder in accuracy["folders"].items():
        rates = folder.get("word_error_rate_percent")
        errors = (
            f"{rates['library']:13.1f}{rates['timed']:7.1f}{folder['ratio']:7.2f}{folder['accepted'] or '':>7}"
            if rates
            else " " * 34
        )
        cost = folder["processor_s_per_audio_s"]
        costs = f"{cost['library']:.4f} {cost['plain']:.4f} {cost['timed']:.4f}"
        yield f"{name:14}{folder['audio_s']:7.0f}s{errors}   {costs}"
    cost = accuracy["processor_s_per_audio_s"]
    yield f"processor time against the library: text {cost['plain_ratio']}, with word times {cost['timed_ratio']}"
    yield f"words a minute invented where nobody speaks: {accuracy['invented_words_per_minute']}"
    yield f"confidence: {accuracy['confidence']}"
    times = accuracy["word_times"]
    yield (
        f"word times: {len(times['faults'])} out of order or outside; starts inside their sentence: "
        f"{times['starts_inside_sentence_percent']} %"
    )


def _system_lines(system: dict[str, Any] | None) -> Iterator[str]:
    if system is None:
        return
    yield f"ready after {system['ready_s']} s; memory of server and one worker, MB: {system['memory_mb']}"
    yield f"ten minutes of audio: {system['http']}"
    for kind, values in system["workers"].items():
        yield f"two workers against one, {kind}: {values}"
    yield f"installed packages: {system['installed_mb']} MB"


_TIMELY = ("first_partial_s", "partial_gap_s", "final_after_pause_s", "final_after_cut_s")
_TIMELY_HEADING = f"{'seconds, p50 / p95 / max':26}" + "".join(
    f"{name.removesuffix('_s').replace('_', ' '):>22}" for name in _TIMELY
)


def _timely(name: str, measured: dict[str, Any]) -> str:
    values = (measured[each] for each in _TIMELY)
    cells = (f"{v['p50']:.2f} / {v['p95']:.2f} / {v['max']:.2f}" if v["n"] else "none" for v in values)
    return f"{name:26}" + "".join(f"{cell:>22}" for cell in cells)


def _stream_lines(streams: dict[str, Any] | None) -> Iterator[str]:
    if streams is None:
        return
    speech = streams["speech"]
    yield f"streams that fit: {speech['capacity']}; one more is refused after {speech['refusal']['waited_ms']} ms"
    yield _TIMELY_HEADING
    for name, measured in speech.items():
        if not name.endswith(" streams"):
            continue
        yield _timely(f"{name}, served {measured['served']}", measured)
        yield (
            f"{'':26}words of results that finals lack {measured['partial_words_wrong_percent']} %, word error ratio "
            f"{measured['word_error_ratio']}, processor s per audio s {measured['processor_s_per_audio_s']}"
        )
    yield f"partials by the recogniser's events: {speech['stability']}"
    for transport, measured in streams["many"].items():
        yield (
            f"{measured['streams']} streams, {transport}: latency ms {measured['latency_ms']}, kB a stream "
            f"{measured['memory_kb_a_stream']}, processor {measured['processor_share']}"
        )
        yield f"{'':26}the client itself was late by ms {measured['client_lag_ms']}"
    rude = streams["rude"]
    yield f"after {rude['opened']} rude clients: {rude['before']} before, {rude['after']} after, busy {rude['busy']}"


def _partial_lines(partials: dict[str, Any] | None) -> Iterator[str]:
    for name, measured in (partials or {}).items():
        yield f"{name}: {measured}"


def _amazon_lines(streams: dict[str, Any] | None, stability: dict[str, Any] | None) -> Iterator[str]:
    if streams is not None:
        yield _TIMELY_HEADING
        for name, measured in streams.items():
            if name.endswith(" streams"):
                yield _timely(name, measured)
                cost = measured["processor_s_per_audio_s"]
                yield f"{'':26}word errors {measured['word_error_rate_percent']} %, processor s per audio s {cost}"
        many = streams["many"]
        yield (
            f"{many['streams']} streams: {many['audio_s_a_second']} s of audio a second, processor "
            f"{many['processor_share']}; the client itself was late by s {many['client_lag_s']}"
        )
    for name, measured in (stability or {}).items():
        yield f"stability {name}: {measured}"


def _pii_lines(pii: dict[str, Any] | None) -> Iterator[str]:
    if pii is None:
        return
    halves = [pii["half A"], pii["half B"]]
    yield f"{'right, missed, false':24}{'half A':>20}{'half B':>20}"
    for kind in halves[0]["types"]:
        cells = (" ".join(f"{number:5}" for number in half["types"][kind].values()) for half in halves)
        yield f"{kind:24}" + "".join(f"{cell:>20}" for cell in cells)
    for name in ("recall", "precision"):
        yield f"{name:24}" + "".join(f"{half[name]:20.3f}" for half in halves)
    yield f"transcripts of recordings: {pii['recordings']}; {pii['us_a_word']} µs a word"


def _job_lines(jobs: dict[str, Any] | None) -> Iterator[str]:
    if jobs is None:
        return
    yield f"accepted: {jobs['accepting']}"
    yield f"polls beside many jobs: {jobs['polls']}"
    yield f"calls of the store, ms, beside few jobs and many: {jobs['store_ms']}"
    yield f"upload: {jobs['upload']}"
    yield f"fairness: {jobs['fairness']}"


def _speaker_lines(speakers: dict[str, Any] | None) -> Iterator[str]:
    for name, measured in (speakers or {}).items():
        yield f"{name}: {measured}"


def _speaker_limits(speakers: dict[str, Any]) -> Iterator[tuple[str, float | None, float, bool]]:
    for name, most in SPEAKERS.items():
        measured = speakers[name]
        yield f"diarization error rate, {name}", measured["error_rate_percent"], most, False
        yield f"speakers, processor s per audio s, {name}", measured["processor_s_per_audio_s"], SPEAKERS_COST, False
        if "changes" in measured:
            wrong = sum(true != found for true, found in measured["speakers_true_and_found"])
            yield f"wrong numbers of speakers, {name}", wrong, 0, False
            yield (
                f"words to their speaker, {name}",
                measured["words_right_percent"],
                WORDS_TO_SPEAKER_PERCENT,
                True,
            )
    for part in ("precision", "recall"):
        yield f"{part} of changes", speakers["two speakers"]["changes"]["0.4"][part], CHANGES, True


def misses(result: dict[str, Any]) -> list[str]:
    """What the project promises and this result does not show."""
    limits: list[tuple[str, float | None, float, bool]] = []
    if accuracy := result.get("accuracy"):
        for name, folder in accuracy["folders"].items():
            if folder.get("accepted"):
                limits.append((f"word error ratio, {name}", folder["ratio"], folder["accepted"], False))
        cost = accuracy["processor_s_per_audio_s"]
        limits += [
            ("processor ratio, text", cost["plain_ratio"], PLAIN_RATIO, False),
            ("processor ratio, word times", cost["timed_ratio"], TIMED_RATIO, False),
            ("invented words a minute", accuracy["invented_words_per_minute"].get("timed"), INVENTED_PER_MINUTE, False),
            ("faults of word times", len(accuracy["word_times"]["faults"]), 0, False),
            ("starts in sentence, %", accuracy["word_times"]["starts_inside_sentence_percent"], SENTENCE_PERCENT, True),
            ("confidence, area under curve", accuracy["confidence"]["area_under_curve"], AREA_UNDER_CURVE, True),
            ("confidence, calibration error", accuracy["confidence"]["calibration_error"], CALIBRATION_ERROR, False),
        ]
    if system := result.get("system"):
        limits += [
            ("ready, s", max(system["ready_s"]), READY_S, False),
            ("memory, MB", max(system["memory_mb"].values()), MEMORY_MB, False),
            ("HTTP ratio", system["http"]["ratio_median"], HTTP_RATIO, False),
            # Of one long file each worker decodes the whole, and the last segments are seldom shared evenly: the
            # promise is about work, not about one file.
            ("two workers", system["workers"]["short"]["ratio_median"], SCALING, True),
            ("installed, MB", system["installed_mb"], INSTALLED_MB, False),
        ]
    if phrases := result.get("phrases"):
        unbiased = phrases["no phrases"]["other_words_error_rate_percent"]
        for name, (recall, false) in PHRASES.items():
            limits += [
                (f"recall of phrases, {name}", phrases[name]["recall_percent"], recall, True),
                (f"false words, {name}", phrases[name]["false_per_1000_words"], false, False),
                (f"errors of other words, {name}", phrases[name]["other_words_error_rate_percent"], unbiased, False),
            ]
        limits.append(("cost of 1,000 phrases", phrases["cost"]["processor_ratio"], PHRASES_COST, False))
    if dictionary := result.get("dictionary"):
        for half in ("tuned", "held_out"):
            by_sound, spelt = dictionary[half]["by_sound"], dictionary[half]["with_spelling_as_phrase"]
            limits += [
                (f"found by sound, {half}", by_sound["found_percent"], FOUND_BY_SOUND_PERCENT, True),
                (f"right words kept, {half}", by_sound["kept_percent"], KEPT_PERCENT, True),
                (f"false words by sound, {half}", by_sound["false_per_1000_words"], FALSE_BY_SOUND, False),
                (f"recall with spelling, {half}", spelt["recall_percent"], RECALL_WITH_SPELLING_PERCENT, True),
            ]
    if streams := result.get("streams"):
        limits += _stream_limits(streams)
    limits += _amazon_limits(result)
    if jobs := result.get("jobs"):
        limits += _job_limits(jobs)
    if speakers := result.get("speakers"):
        limits += _speaker_limits(speakers)
    return [
        f"{name}: {value}, promised {'at least' if at_least else 'at most'} {limit}"
        for name, value, limit, at_least in limits
        if value is not None and (value < limit if at_least else value > limit)
    ]


def _stream_limits(streams: dict[str, Any]) -> Iterator[tuple[str, float | None, float, bool]]:
    speech, rude = streams["speech"], streams["rude"]
    yield "streams of speech", speech["capacity"], PROMISED_STREAMS, True
    yield "refusal, ms", speech["refusal"]["waited_ms"], REFUSAL_MS, False
    six = speech[f"{PROMISED_STREAMS} streams"]
    yield from _timely_limits(six)
    stability = speech["stability"]
    yield "partial words wrong later, %", stability["shown"]["wrong_percent"], PARTIAL_WORDS_WRONG_PERCENT, False
    yield "between partials, s", stability["partial_gap_s"].get("p95"), PARTIAL_GAP_S, False
    yield "stable words wrong later, %", stability["stable"]["wrong_percent"], STABLE_WORDS_WRONG_PERCENT, False
    yield "word errors live against file", six["word_error_ratio"], LIVE_ERROR_RATIO, False
    for transport, measured in streams["many"].items():
        yield f"latency by {transport}, p99, ms", measured["latency_ms"].get("p99"), LATENCY_P99_MS, False
        yield f"kB a stream, {transport}", measured["memory_kb_a_stream"]["server"], STREAM_KB, False
        yield f"processor of the server, {transport}", measured["processor_share"]["server"], SERVER_SHARE, False
        yield f"streams dropped, {transport}", measured["dropped"] + measured["not_ended"], 0, False
    before, after = rude["before"], rude["after"]
    for name in ("handles", "threads"):
        yield f"{name} left by rude clients", sum(after[name]) - sum(before[name]), 0, False
    yield "kB left by rude clients", sum(after["memory_kb"]) - sum(before["memory_kb"]), LEFT_BEHIND_KB, False
    yield "instances left busy by rude clients", sum(rude["busy"].values()), 0, False
    yield "streams that work after rude clients", int(rude["still_works"]), 1, True


def _timely_limits(six: dict[str, Any]) -> Iterator[tuple[str, float | None, float, bool]]:
    yield "first partial, s", six["first_partial_s"].get("p95"), FIRST_PARTIAL_S, False
    yield "between results of an open utterance, s", six["partial_gap_s"].get("p95"), PARTIAL_GAP_S, False
    yield "final after a pause, s", six["final_after_pause_s"].get("p95"), FINAL_S, False
    yield "final after a cut, s", six["final_after_cut_s"].get("p95"), FINAL_S, False


def _amazon_limits(result: dict[str, Any]) -> Iterator[tuple[str, float | None, float, bool]]:
    if streams := result.get("amazon_streams"):
        for name, value, limit, at_least in _timely_limits(streams[f"{PROMISED_STREAMS} streams"]):
            yield f"Amazon's SDK, {name}", value, limit, at_least
        many = streams["many"]
        yield "audio of many streams taken, s a second", many["audio_s_a_second"], 0.99 * many["streams"], True
        yield "processor of the server, Amazon's SDK", many["processor_share"]["server"], AMAZON_SERVER_SHARE, False
    if stability := result.get("amazon_stability"):
        high, low = stability["high"], stability["low"]
        yield "words changed, high", high["changed"], CHANGED_RATIO * low["changed"], False
        yield "words shown, high, mean s", high["shown_s"]["mean"], low["shown_s"]["mean"], False
    if pii := result.get("pii"):
        yield "recall of personal data", pii["half B"]["recall"], PII_RECALL, True
        yield "precision of personal data", pii["half B"]["precision"], PII_PRECISION, True
        found = pii["recordings"]["hits_besides_names"]
        yield "personal data in recordings", found, PII_IN_RECORDINGS, False


def _job_limits(jobs: dict[str, Any]) -> Iterator[tuple[str, float | None, float, bool]]:
    yield "jobs accepted a second", jobs["accepting"]["accepted_a_second_median"], ACCEPTED_A_SECOND, True
    yield "polls beside many jobs, p95, ms", jobs["polls"]["p95_ms_median"], POLL_P95_MS, False
    for name, took in jobs["store_ms"].items():
        yield f"{name} beside many jobs against few", round(took["many"] / took["few"], 2), FULL_STORE_RATIO, False
    yield "memory of an upload, MB", jobs["upload"]["more_mb"], UPLOAD_MB, False
    yield "running jobs that a short one waits for", jobs["fairness"]["running_jobs_waited_for"], JOBS_WAITED_FOR, False
