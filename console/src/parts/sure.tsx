// How sure a signal is, and what that number stands on. A small number of cases is called one.

import { percent } from "../format/number";
import { setup } from "../format/words";
import type { Signal, SignalExt } from "../net/wire";

/** Below this many cases a rate says little: the interval is wider than a third. */
const FEW = 30;

export function Sure({ signal, ext }: { signal: Signal; ext: SignalExt }) {
  const known = ext.confidence;
  return (
    <div class="sure">
      <span class={`figure${known && known.n > 0 ? "" : " guessed"}`}>{percent(signal.confidence)} <small>TP1 before the stop</small></span>
      <Range at={signal.confidence} low={known?.lo} high={known?.hi} odds={ext.odds} />
      <p class="quiet small">{meaning(signal, ext)}</p>
    </div>
  );
}

/** The number in words. */
export function meaning(signal: Signal, ext: SignalExt): string {
  const known = ext.confidence;
  const such = ext.setup ? `${setup(ext.setup)} signals` : "such signals";
  const chance = ext.odds === undefined ? "" : `; chance alone ${percent(ext.odds)}`;
  if (!known || known.n === 0) return `A guess: no ${such} have ended yet, so nothing is measured${chance}.`;
  const rate = `Of ${known.n} ${such} ${percent(known.hits / known.n)} reached TP1 first${chance}.`;
  const range = known.lo !== undefined && known.hi !== undefined ? ` 95 % interval ${percent(known.lo)} to ${percent(known.hi)}.` : "";
  if (known.n < FEW) return `${rate} Few cases yet, so ${percent(signal.confidence)} leans on chance.`;
  const how = known.basis === "shrinkage" ? "" : ` Calibrated (${known.basis}${known.version ? `, version ${known.version}` : ""}).`;
  return rate + range + how;
}

/** The interval as a line from 0 to 100 %, the confidence on it, and chance as a tick. */
function Range({ at, low, high, odds }: { at: number; low: number | undefined; high: number | undefined; odds: number | undefined }) {
  return (
    <svg class="range" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <rect class="scale" x="0" y="4" width="100" height="2" />
      {low !== undefined && high !== undefined && <rect class="interval" x={low * 100} y="3" width={(high - low) * 100} height="4" />}
      {odds !== undefined && <rect class="odds" x={odds * 100 - 0.5} y="0" width="1" height="10" />}
      <rect class="at" x={at * 100 - 1} y="1" width="2" height="8" />
    </svg>
  );
}
