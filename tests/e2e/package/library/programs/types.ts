// Type-checked where the package is installed, not here: each entry point gives and takes what it says.
import { setPassword } from "wirepost/account";
import * as browser from "wirepost/browser";
import { connectChannels } from "wirepost/channels";
import { connectForum } from "wirepost/forum";
import { connectMailbox, type ReceivedMessage } from "wirepost/mailbox";
import { connectRoom } from "wirepost/room";

export async function everything(): Promise<string[]> {
  const texts: string[] = [];
  const mailbox = await connectMailbox({ port: 21001 });
  // @ts-expect-error -- it is no number
  await mailbox.send("bob", "alice", 5);
  for await (const message of mailbox.messages("bob")) {
    const received: ReceivedMessage = message;
    await received.ack();
    texts.push(received.text);
  }
  for await (const text of await connectChannels({ name: "ann" })) texts.push(text);
  for await (const line of await connectRoom()) texts.push(line);
  const as = { name: "ann", password: "secret" }, forum = await connectForum({ as });
  for await (const entry of forum.read("thread0")) texts.push("file" in entry ? entry.file : entry.text);
  await setPassword({ as }, () => Promise.resolve("another"));
  const channels = browser.connectChannels({ url: "http://127.0.0.1:21001", name: "ann", channels: ["lab"] });
  for await (const event of channels) if (event.type === "message") texts.push(event.message.text);
  return texts;
}
