// What Node and a browser do alike: streams through the AWS SDK for JavaScript and tells what came.
export async function transcribe(sdk, configuration, request) {
  const client = new sdk.TranscribeStreamingClient({ region: "us-east-1", ...configuration });
  const heard = { results: [] };
  try {
    const reply = await client.send(
      new sdk.StartStreamTranscriptionCommand({ LanguageCode: "en-US", MediaEncoding: "pcm", ...request }),
    );
    heard.session = reply.SessionId;
    heard.request = reply.RequestId;
    for await (const event of reply.TranscriptResultStream) {
      heard.results.push(...(event.TranscriptEvent?.Transcript?.Results ?? []));
    }
  } catch (error) {
    heard.error = [error.name, error.message];
  }
  client.destroy();
  return heard;
}

// Of PCM, in the time it takes to speak it.
export async function* pieces(audio, rate) {
  for (let at = 0; at < audio.length; at += 3200) {
    yield { AudioEvent: { AudioChunk: audio.subarray(at, at + 3200) } };
    await new Promise((resolve) => setTimeout(resolve, (1000 * 3200) / 2 / rate));
  }
}
