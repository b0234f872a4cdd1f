// The market's time. The viewer's clock is never trusted: only what the server says counts, carried on by a timer.

/** What the server said last, less the timer's reading then; the largest is the one that travelled least. */
let offset: number | undefined;

/** A time that the server wrote just now. */
export function heardTime(text: string | undefined): void {
  const time = text === undefined ? NaN : Date.parse(text);
  if (Number.isNaN(time)) return;
  const fresh = time - performance.now();
  // Small differences are delays on the way and are only followed slowly; large ones are another clock.
  if (offset === undefined || fresh > offset || offset - fresh > 3000) offset = fresh;
  else offset += (fresh - offset) * 0.01;
}

/** Forgets it: another connection may be to another process, and a timer may have stood still in between. */
export function forgetTime(): void {
  offset = undefined;
}

/** Now, by the server; by the viewer's clock only until the server has said anything. */
export function now(): number {
  return offset === undefined ? Date.now() : performance.now() + offset;
}

/** How far the viewer's clock is off, in ms; 0 while that is not known. */
export function skew(): number {
  return offset === undefined ? 0 : Date.now() - now();
}
