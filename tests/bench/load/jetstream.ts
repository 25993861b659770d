/** NATS JetStream with one replica: `jetstream.ts PORT`. Each queue is a stream with a durable consumer. */

// deno-lint-ignore no-import-prefix -- a name in deno.json would be there for the program too
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy } from "npm:@nats-io/jetstream@3.4.0";
// deno-lint-ignore no-import-prefix -- as above
import { connect } from "npm:@nats-io/transport-node@3.4.0";
import { carryOut } from "./loop.ts";
import { InFlight, measurements, type Queue } from "./queue.ts";

const servers = `127.0.0.1:${Deno.args[0]}`;
const connection = await connect({ servers });
const manager = await jetstreamManager(connection), client = jetstream(connection);

async function open(name: string): Promise<Queue> {
  await manager.streams.add({ name, subjects: [name], retention: RetentionPolicy.Workqueue });
  await manager.consumers.add(name, {
    durable_name: "me",
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: 10_000,
  });
  return {
    put: (text) => client.publish(name, text),
    async receive(inFlight, received, acknowledged) {
      const consumer = await client.consumers.get(name, "me"), acks = new InFlight(inFlight);
      const messages = await consumer.consume({ max_messages: 1024 });
      for await (const message of messages) {
        const more = received(message.string());
        const ack = message.ackAck().then((was) => {
          if (was) acknowledged();
        });
        acks.add(ack);
        await acks.room();
        if (!more) break;
      }
      await acks.none();
      await messages.close();
    },
  };
}

await carryOut(measurements(open));
await connection.close();
