"""``transcribe_on_python.py ENDPOINT RATE FILE OPTIONS``, on an interpreter of its own that has
aws-sdk-transcribe-streaming: streams a file of PCM and prints what came as JSON, in the service's own words."""

import asyncio
import json
import os
import sys

from aws_sdk_transcribe_streaming.client import AsyncTranscribeStreamingClient
from aws_sdk_transcribe_streaming.config import AsyncTranscribeStreamingConfig
from aws_sdk_transcribe_streaming.models import (
    AudioEvent,
    AudioStreamAudioEvent,
    StartStreamTranscriptionInput,
)
from smithy_aws_core.identity import StaticCredentialsResolver
from smithy_http.aio.crt import AWSCRTHTTPClient


async def main(endpoint: str, rate: str, file: str, options: str) -> None:
    config = await AsyncTranscribeStreamingConfig.resolve(
        endpoint_uri=endpoint,
        region="us-east-1",
        transport=AWSCRTHTTPClient(),
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        aws_credentials_identity_resolver=StaticCredentialsResolver(),
    )
    client = AsyncTranscribeStreamingClient(config=config)
    asked = {"language_code": "en-US", "media_sample_rate_hertz": int(rate), "media_encoding": "pcm"}
    heard = {"results": []}
    try:
        stream = await client.start_stream_transcription(StartStreamTranscriptionInput(**asked, **json.loads(options)))

        async def send() -> None:
            with open(file, "rb") as audio:
                while piece := audio.read(3200):
                    await stream.input_stream.send(AudioStreamAudioEvent(AudioEvent(audio_chunk=piece)))
                    await asyncio.sleep(3200 / 2 / int(rate))
            await stream.input_stream.close()

        sending = asyncio.create_task(send())
        reply, events = await stream.await_output()
        heard |= {"session": reply.session_id, "request": reply.request_id}
        async for event in events:
            for result in event.value.transcript.results:
                alternatives = [{"Transcript": each.transcript} for each in result.alternatives]
                heard["results"].append(
                    {"ResultId": result.result_id, "IsPartial": result.is_partial, "Alternatives": alternatives}
                )
        await sending
    except Exception as error:
        heard["error"] = [type(error).__name__, str(error)]
    print(json.dumps(heard))


asyncio.run(main(*sys.argv[1:]))
