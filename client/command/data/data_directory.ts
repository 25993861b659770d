/** The server's code about a data directory, as `main.ts` hands it to the commands. */
export interface DataDirectoryCode {
  /** The directory: `given`, or that of the environment, or the user's own. @throws {Error} There is none. */
  dataDirectory(given: string | undefined): string;
  /** A line about an earlier data directory that is here, if nobody named a directory. */
  earlierDirectoryNotice(given: string | undefined): Promise<string | undefined>;
  /** The addresses of the services of the server that runs there, if one does. */
  readRunning(directory: string): Promise<{ pid: number; services: Record<string, string[]> } | undefined>;
  /** @throws {Error} There is no secret in this file. */
  readSecret(path: string): Promise<Uint8Array>;
  secretPath(directory: string): string;
}
