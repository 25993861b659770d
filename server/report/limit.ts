/** A limit with its use now, as an administrator is shown it (admin.md 4.8). */
export interface Limit {
  /** A name that ends in `bytes` counts bytes. */
  name: string;
  /** The option of `serve` that changes it. */
  option?: string;
  /** Undefined for a limit of a single thing. */
  used?: number;
  /** Infinity or undefined: there is none. */
  limit: number | undefined;
}

/** The limit as a row of the answer to `limits`. */
export function limitRow({ name, option, used, limit }: Limit): string {
  return [name, option ?? "", used ?? "", limit === undefined || limit === Infinity ? "" : limit].join(",");
}
