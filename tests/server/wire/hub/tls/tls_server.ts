import { selfSigned } from "../../../../../client/command/cert/self_signed.ts";
import type { ServeOptions } from "../../../../../server/options/serve_options.ts";
import type { Server } from "../../../../../server/server.ts";
import { DEFAULT_OPTIONS } from "../../../../default_options.ts";
import { temporaryDirectory } from "../../../../program.ts";
import { withServer } from "../../../serve.ts";

/** A server with TLS, its certificate, and what changes that. */
export interface TlsServer {
  server: Server;
  log: string[];
  cert: string;
  fingerprint: string;
  files: { cert: string; key: string };
  /** The port of a service. */
  port(service: string): number;
  /** Makes another certificate and has the server read it. */
  renew(): Promise<string>;
}

/** A server with channels and room, which take TLS; both also without, unless `takesPlain` is false. */
export async function withTlsServer(
  options: Partial<Omit<ServeOptions, "limits" | "tls">> & { takesPlain?: boolean },
  use: (server: TlsServer) => Promise<void>,
) {
  await using directory = await temporaryDirectory();
  const files = { cert: `${directory.path}/cert.pem`, key: `${directory.path}/key.pem` };
  const make = async () => {
    const { cert, key, fingerprint } = await selfSigned(["localhost", "127.0.0.1"], 1);
    await Deno.writeTextFile(files.cert, cert);
    await Deno.writeTextFile(files.key, key, { mode: 0o600 });
    return { cert, fingerprint };
  };
  const { takesPlain = true, ...rest } = options, made = await make();
  const ports = { channels: 0, ...takesPlain ? { room: 0 } : {}, "room-tls": 0 };
  await withServer({ ports, ...rest, tls: { ...files, takesPlain } }, async (server, log) => {
    const port = (service: string) =>
      server.listening.find(({ name }) => name === service)!.addresses[0]!.port;
    const renew = async () => {
      const { cert } = await make();
      await server.reload(() => Promise.resolve(DEFAULT_OPTIONS));
      return cert;
    };
    await use({ server, log, files, ...made, port, renew });
  });
}
