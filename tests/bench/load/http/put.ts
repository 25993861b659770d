/** Puts over HTTP, one in flight on each connection: `put.ts PORT`. */

import { encodeRequest, HttpPeer } from "./http_peer.ts";
import { Poll } from "../libc.ts";
import { carryOut, type Figures, percentiles, ProcessorTime } from "../loop.ts";

const TEXT = "forty bytes of text for a message, okay?";

/** Milliseconds without any answer after which the server counts as gone. */
const GONE_MS = 5000;

/** Puts a second, and how long one takes. */
function put({ inFlight, ms, pid }: { inFlight: number; ms: number; pid: number }): Figures {
  using stack = new DisposableStack();
  const request = encodeRequest("POST", `/mailbox/${crypto.randomUUID().slice(0, 4)}`, TEXT);
  const buffer = new Uint8Array(65_536), poll = stack.use(new Poll()), peers: HttpPeer[] = [];
  for (let i = 0; i < inFlight; i++) {
    const peer = stack.use(new HttpPeer(Number(Deno.args[0])));
    peers.push(peer);
    poll.add(peer.socket, i);
  }
  const processor = new ProcessorTime(pid), begin = performance.now(), end = begin + ms;
  const since: number[] = [], latencies: number[] = [];
  let open = 0, now = begin;
  const send = (i: number) => {
    since[i] = now;
    open++;
    peers[i]!.socket.sendAll(request);
  };
  for (let i = 0; i < inFlight; i++) send(i);
  while (open > 0) {
    poll.wait(GONE_MS, (i) => {
      if (!peers[i]!.receive(buffer)) return;
      now = performance.now();
      latencies.push(now - since[i]!);
      open--;
      if (now < end) send(i);
    });
    if (performance.now() - now > GONE_MS) throw new Error("Cannot measure: nothing was answered for 5 s");
  }
  const count = latencies.length;
  return { rate: count / (now - begin) * 1000, ...percentiles(latencies), ...processor.each(count) };
}

await carryOut({ put });
