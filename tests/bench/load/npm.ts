/**
 * The clients that people use for other systems. They are imported by a name that is not written in the import: so they
 * are not in deno.lock, which would fetch them with Wirepost's own packages and compile them into the program. Their
 * versions are held by deno.lock in this folder, which `load_process.ts` names.
 *
 * @module
 */

export const NPM = {
  ioredis: "npm:ioredis@6.0.0",
  jetstream: "npm:@nats-io/jetstream@3.4.0",
  nats: "npm:@nats-io/transport-node@3.4.0",
};
