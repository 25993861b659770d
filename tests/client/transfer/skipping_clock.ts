/** For as long as it is used, the clock goes on by as much more as `skip` says. */
export function skippingClock(): Disposable & { skip(ms: number): void } {
  const { now } = performance;
  let skipped = 0;
  performance.now = () => now.call(performance) + skipped;
  return { skip: (ms) => skipped += ms, [Symbol.dispose]: () => void (performance.now = now) };
}
