/** What the clocks of a store are made from. */
export interface SystemClocks {
  /** Milliseconds since 1970; it may be set. */
  wallClock(): number;
  /** Milliseconds of a clock that goes on while the process is stopped. */
  steadyClock(): number;
  /** Milliseconds of a clock that stands still meanwhile. */
  uptime(): number;
}

/**
 * The clocks of the records. The wall clock is the system's at the start, or the last record's if that is later, and
 * advances steadily from there, whatever the system's is set to: no delay ends early and none never (store 4.3). The
 * monotonic clock goes on where the last record left it (store 4.4). Both are in whole milliseconds.
 */
export class StoreClocks {
  readonly wallClock: () => number;
  readonly monotonicClock: () => number;

  /** @param last The clocks of the last record. */
  constructor(
    last: { readonly wallClock: number; readonly monotonicClock: number },
    { wallClock, steadyClock, uptime }: SystemClocks,
  ) {
    const wallOffset = Math.max(wallClock(), last.wallClock) - steadyClock();
    const monotonicOffset = last.monotonicClock - uptime();
    this.wallClock = () => Math.round(wallOffset + steadyClock());
    this.monotonicClock = () => Math.round(monotonicOffset + uptime());
  }
}
