// The script of a page: streams the PCM at audio as task.json says and posts what came to heard.
import * as sdk from "@aws-sdk/client-transcribe-streaming";
import { pieces, transcribe } from "./transcribe.mjs";

// The SDK leaves after the last piece. An empty one ends the audio, and the server then ends the stream.
async function* staying(audio) {
  yield* audio;
  yield { AudioEvent: { AudioChunk: new Uint8Array(0) } };
  await new Promise(() => {});
}

async function main() {
  const { endpoint, credentials, rate } = await (await fetch("task.json")).json();
  const audio = pieces(new Uint8Array(await (await fetch("audio")).arrayBuffer()), rate);
  return transcribe(sdk, { endpoint, credentials }, { MediaSampleRateHertz: rate, AudioStream: staying(audio) });
}

const heard = await main().catch((error) => ({ results: [], error: [error.name, error.message] }));
await fetch("heard", { method: "POST", body: JSON.stringify(heard) });
