"""What becomes of every option of the document; ``docs/coverage/speechmatics_v1.md`` is made from this."""

from __future__ import annotations

from typing import Final

from dragoman.transport.base import Coverage, Covered

_SUBMIT: Final = "POST /v1/user/{user}/jobs"
_LIST: Final = "GET /v1/user/{user}/jobs"
_JOB: Final = "GET /v1/user/{user}/jobs/{job}"
_DELETE: Final = "DELETE /v1/user/{user}/jobs/{job}"
_TRANSCRIPT: Final = f"{_JOB}/transcript"
_ALIGNMENT: Final = f"{_JOB}/alignment"
_AUDIO: Final = f"{_JOB}/audio"
_CONFIG: Final = f"{_SUBMIT} config"
_CALLBACK: Final = "the callback"

COVERAGE: Final = Coverage(
    title="Speechmatics Batch Virtual Appliance, version 1",
    source="Speechmatics Batch Virtual Appliance, How to use the V1 API, and the published V1 clients",
    notes=(
        "Every address is there below `/v1.0` too, and with a slash at its end; nothing is redirected.",
        'An error is `{"code": 400, "error": "Malformed request", "detail": "…"}`: V1 clients tell errors apart by the '
        "text of `error`, and `detail` says what is wrong. Beyond the document: 405 for a wrong method, 423 `Resource "
        "Locked` as in version 2, 507 `Insufficient Storage` when the server has no room for more jobs.",
        "`job_status` is `transcribing`, `done`, `unsupported_file_format` for a recording that cannot be recognised, "
        "or `expired` for a job that failed by the server's fault or was cancelled by its operator: the words at which "
        "the vendor's own client stops asking. `errors` of such a job has the reason, and so has the 404 of its "
        "transcript.",
        "A recording without a sample is done, with an empty transcript.",
        "A user id is a positive integer and says nothing; a job belongs to the key that was shown when it was "
        "submitted. Without keys everyone sees all jobs.",
        "The HTTP status of a call that came too often is 429; the setting `rate_limit` says how often is too often.",
    ),
    options=(
        Covered(_SUBMIT, "data_file", "supported", "Any recording that can be decoded, or none of any length."),
        Covered(_SUBMIT, "config", "supported", "An unknown property is refused by name."),
        Covered(_SUBMIT, "model", "supported", "Legacy; in place of config."),
        Covered(
            _SUBMIT,
            "diarization, diarisation",
            "supported",
            "Legacy; true is the diarization speaker of config.",
        ),
        Covered(_SUBMIT, "notification", "supported", "none, callback; email is answered with 501."),
        Covered(
            _SUBMIT,
            "callback",
            "supported",
            "http or https; addresses of private networks only with the setting `callback_private_addresses`. Refused "
            "without notification=callback.",
        ),
        Covered(_SUBMIT, "callback_format", "supported", "txt, json, json-v2; json where it is not said."),
        Covered(_SUBMIT, "meta", "supported", "Up to 10,000 characters."),
        Covered(
            _SUBMIT,
            "data_url, text_url, text_file, notification_email_address",
            "refused",
            "501 Not Implemented, as the document says.",
        ),
        Covered(_SUBMIT, "any other field", "refused", "Nothing is dropped in silence."),
        Covered(_SUBMIT, "balance and cost in the reply", "supported", "0, as the appliance's."),
        Covered(_SUBMIT, "check_wait in the reply", "supported", "From the queue and the speed of this server."),
        Covered(_CONFIG, "type", "supported", "transcription."),
        Covered(
            _CONFIG,
            "language",
            "differs",
            "Any language of the model, also with a region. en-GB, en-US and en-AU choose the spelling as "
            "output_locale does.",
        ),
        Covered(
            _CONFIG,
            "operating_point",
            "supported",
            "standard, enhanced, as later appliances have it: the profiles of the setting "
            "`speechmatics_operating_points`. standard where it is not said.",
        ),
        Covered(_CONFIG, "output_locale", "supported", "en-GB, en-US, en-AU."),
        Covered(
            _CONFIG,
            "diarization",
            "supported",
            "none, speaker, channel, speaker_change, channel_and_speaker_change. Those that find speakers need a model "
            "for it, which the embedded recogniser has; without one: `Requested product not available`.",
        ),
        Covered(
            _CONFIG,
            "channel_diarization_labels",
            "supported",
            "Letters, digits, periods, underscores. A recording with another number of channels is rejected. Without "
            "labels: channel_1, channel_2 and so on.",
        ),
        Covered(_CONFIG, "speaker_change_sensitivity", "supported", "0 to 1; 0.4 where it is not said."),
        Covered(
            _CONFIG,
            "additional_vocab",
            "supported",
            "Up to 1,000 words or phrases, with sounds_like. What cannot be used is named in `warnings` of the job.",
        ),
        Covered(_CONFIG, "permitted_marks", "supported", "Of punctuation_overrides; other marks are left out."),
        Covered(
            _CONFIG,
            "sensitivity",
            "ignored",
            "Of punctuation_overrides. Checked; the model punctuates as it writes, no more and no less.",
        ),
        Covered(_CONFIG, "any other property", "refused", "By name."),
        Covered(_LIST, "", "differs", "The newest 100. Those that are not done have the wait of the last of them."),
        Covered(_JOB, "", "supported"),
        Covered(_JOB, "duration", "differs", "null until the recording has been opened."),
        Covered(_DELETE, "", "supported", "Answered with the job as it was and `status` deleted."),
        Covered(_DELETE, "force", "supported", "Without it a job that has not ended is 423."),
        Covered(_TRANSCRIPT, "format", "supported", "json, json-v2, txt, and srt from version 2."),
        Covered(
            _TRANSCRIPT,
            "speakers of json",
            "differs",
            "Turns of channels, by their labels, or of speakers, S1, S2 and so on in the order in which they begin: "
            "the labels of the service say whether it is a man or a woman (M1, F1), which this server does not claim "
            "to know. UU where nobody was told apart.",
        ),
        Covered(_TRANSCRIPT, "confidence of punctuation", "differs", "Always 1: the model does not say it."),
        Covered(
            _TRANSCRIPT,
            "speaker_change in json-v2",
            "supported",
            "At the beginning of the first word that another person says.",
        ),
        Covered(_ALIGNMENT, "", "differs", "The words of the transcript with their times; texts cannot be submitted."),
        Covered(_ALIGNMENT, "tags", "supported", "word_start_and_end, one_per_line."),
        Covered(_AUDIO, "", "supported", "The recording as it was submitted."),
        Covered("every call", "auth_token", "supported", "The secret of a key, or a bearer token, or `x-api-key`."),
        Covered("every call", "any other query parameter", "ignored", "As the service does."),
        Covered(_CALLBACK, "id in the query", "supported", "The rest of the query stays as it is."),
        Covered(_CALLBACK, "data_file", "supported", "The transcript, as the only part of a form."),
        Covered(
            _CALLBACK,
            "a job that has no transcript",
            "differs",
            "The document says nothing of it. `status=error` is in the query, as in version 2, and there is no file.",
        ),
    ),
)
