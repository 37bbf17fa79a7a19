// Two streams of one session that say they will open no more, as the AWS SDK for JavaScript does at once.
import http2 from "node:http2";
import fs from "node:fs";

const [url, authority] = process.argv.slice(2);
const session = http2.connect(url, authority ? { ca: fs.readFileSync(authority) } : {});
session.on("error", (error) => { console.error(error); process.exit(1); });

function talk(pieces) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ":path": "/stream-transcription" });
    const heard = [];
    let turn = 0;
    stream.on("response", (headers) => { heard.push(headers[":status"]); next(); });
    stream.on("data", (data) => { heard.push(data.toString()); next(); });
    stream.on("end", () => resolve(heard));
    stream.on("error", reject);
    function next() {
      if (turn < pieces.length) stream.write(pieces[turn++]);
      else if (turn++ === pieces.length) stream.end();
    }
  });
}

await new Promise((resolve) => session.on("connect", resolve));
const talks = [talk(["a0", "a1", "a2"]), talk(["b0", "b1"])];
session.close();
console.log(JSON.stringify(await Promise.all(talks)));
