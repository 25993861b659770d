/** NATS JetStream with one replica: `jetstream.ts PORT`. Each queue is a stream with a durable consumer. */

import { carryOut } from "./loop.ts";
import { NPM } from "./npm.ts";
import { InFlight, measurements, type Queue } from "./queue.ts";

/** Of NATS' packages, what is used here. */
interface Connection {
  close(): Promise<void>;
}

interface Message {
  string(): string;
  ackAck(): Promise<boolean>;
}

interface Consumer {
  consume(options: { max_messages: number }): Promise<AsyncIterable<Message> & { close(): Promise<unknown> }>;
}

interface JetStream {
  publish(subject: string, text: string): Promise<unknown>;
  consumers: { get(stream: string, consumer: string): Promise<Consumer> };
}

interface Manager {
  streams: { add(config: { name: string; subjects: string[]; retention: string }): Promise<unknown> };
  consumers: { add(stream: string, config: object): Promise<unknown> };
}

const { connect }: { connect(options: { servers: string }): Promise<Connection> } = await import(NPM.nats);
const { jetstream, jetstreamManager }: {
  jetstream(connection: Connection): JetStream;
  jetstreamManager(connection: Connection): Promise<Manager>;
} = await import(NPM.jetstream);

const servers = `127.0.0.1:${Deno.args[0]}`;
const connection = await connect({ servers });
const manager = await jetstreamManager(connection), client = jetstream(connection);

async function open(name: string): Promise<Queue> {
  await manager.streams.add({ name, subjects: [name], retention: "workqueue" });
  await manager.consumers.add(name, {
    durable_name: "me",
    ack_policy: "explicit",
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
