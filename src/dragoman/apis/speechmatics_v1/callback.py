"""The news of a job that has ended. Pure."""

from __future__ import annotations

from typing import Final

from dragoman.apis.speechmatics_v1 import translate
from dragoman.apis.speechmatics_v1.output import OUTPUTS, empty
from dragoman.core.jobs import Callback, Job
from dragoman.core.transcript import Transcript
from dragoman.service.callbacks import CallbackMessage, CallbackPart

_HEADERS: Final = (("user-agent", "Speechmatics-API/1.0"),)


def message(callback: Callback, job: Job, transcript: Transcript | None) -> CallbackMessage:
    """The transcript as ``data_file``. For a job without one there is no file, and ``status=error`` in the address."""
    if transcript is None and translate.is_empty(job):
        transcript = empty(job)
    url = callback.order.url
    url += f"{'&' if '?' in url else '?'}id={job.number}"
    if transcript is None:
        return CallbackMessage(f"{url}&status=error", _HEADERS, ())
    output = OUTPUTS[callback.order.form]
    name = translate.transcript_name(job.name, output.extension)
    part = CallbackPart("data_file", name, output.content_type, output.render(job, transcript))
    return CallbackMessage(url, _HEADERS, (part,))
