// node transcribe_on_node.mjs FOLDER ENDPOINT RATE FILE OPTIONS
// FOLDER is where the SDK is installed. Streams a file of PCM and prints what came as JSON.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pieces, transcribe } from "./transcribe.mjs";

const [folder, endpoint, rate, file, options] = process.argv.slice(2);
const sdk = createRequire(join(folder, "package.json"))("@aws-sdk/client-transcribe-streaming");

const audio = pieces(readFileSync(file), Number(rate));
const request = { MediaSampleRateHertz: Number(rate), AudioStream: audio, ...JSON.parse(options) };
console.log(JSON.stringify(await transcribe(sdk, { endpoint }, request)));
