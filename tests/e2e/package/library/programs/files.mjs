// Sends a file to a thread and fetches it, while the server is killed: PORT KEY DIRECTORY, where the file is `sent`.
// deno-lint-ignore-file no-console
import { readSync } from "node:fs";
import { connectForum } from "wirepost/forum";

const [port, serverKey, directory] = process.argv.slice(2);
const connect = (name, make = false) =>
  connectForum({ port: Number(port), serverKey, as: { name, password: `of ${name}`, make } });

/** Says once that half of it has been transferred, and stands still then until a line comes. */
function half(what) {
  let isSaid = false;
  return ({ step, done, size }) => {
    if (isSaid || step !== "transfer" || done < size / 2) return;
    isSaid = true;
    console.log(what);
    readSync(0, new Uint8Array(1));
  };
}

const forum = await connect("yoda", true);
await forum.create("thread0");
await forum.post("thread0", "hello, all ✓");
await forum.upload("thread0", "sent", `${directory}/sent`, { onProgress: half("half sent") });
for await (const entry of forum.read("thread0")) console.log(entry.user, entry.text ?? entry.file);
await forum.download("thread0", "sent", `${directory}/fetched`, { onProgress: half("half fetched") });

// what was abandoned goes on, and two at a time each have a file of their own
const stop = new AbortController();
const onProgress = ({ done, size }) => done > size / 2 && stop.abort(new Error("stopped"));
await forum.download("thread0", "sent", `${directory}/later`, { signal: stop.signal, onProgress })
  .catch((error) => console.log(error.message));
const steps = new Set();
await Promise.all(["later", "too"].map((name) =>
  forum.download("thread0", "sent", `${directory}/${name}`, {
    onProgress: ({ step, done }) => done > 0 && steps.add(`${name} ${step}`),
  })
));
console.log([...steps].filter((step) => step.endsWith("hash")).length, "went on");
await forum.download("thread0", "sent", `${directory}/too`).catch((error) => console.log(error.message));
await forum.upload("thread0", "missing", `${directory}/missing`).catch((error) => console.log(error.message));
await forum.remove("thread0");
await forum.close();
