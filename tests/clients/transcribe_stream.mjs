// Streams a file of PCM by the AWS SDK for JavaScript: node transcribe_stream.mjs FOLDER ENDPOINT RATE FILE OPTIONS
// FOLDER is where the SDK is installed. Prints what it heard as JSON.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, endpoint, rate, file, options] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));
const { StartStreamTranscriptionCommand, TranscribeStreamingClient } = require("@aws-sdk/client-transcribe-streaming");

async function* pieces() {
  const audio = readFileSync(file);
  for (let at = 0; at < audio.length; at += 3200) {
    yield { AudioEvent: { AudioChunk: audio.subarray(at, at + 3200) } };
  }
}

const client = new TranscribeStreamingClient({ region: "us-east-1", endpoint });
const heard = { results: [] };
try {
  const reply = await client.send(
    new StartStreamTranscriptionCommand({
      LanguageCode: "en-US",
      MediaSampleRateHertz: Number(rate),
      MediaEncoding: "pcm",
      AudioStream: pieces(),
      ...JSON.parse(options),
    }),
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
console.log(JSON.stringify(heard));
