// A chart as it was known at a moment, and what is said of that moment.

import { ask } from "../net/rest";
import type { SignalItem } from "../net/wire";

/** Opened at, open, high, low, close, ticks, and when the server knew it. */
export type Bar = [open: number, o: number, h: number, l: number, c: number, ticks: number, known: number];
export type Kind = "swing" | "major_swing" | "equal" | "break" | "block" | "gap" | "pool_day" | "pool_week" | "pool_session" | "sweep" | "run";
export interface Mark {
  kind: Kind; direction: "long" | "short";
  lies: { from: number; to: number | null; top: number; bottom: number };
  known: number; state: string;
  events: { at: number; what: string }[];
  about?: { mss?: boolean; [name: string]: unknown };
}
export interface Zone { name: string; from: number | string; to: number | string }
export interface ChartAnswer {
  symbol: string; timeframe: string; digits: number; at: number | string; simulated?: boolean; market?: string;
  bars: Bar[]; marks: Mark[]; signals: SignalItem[]; killzones: Zone[];
}

export const TIMEFRAMES = ["1m", "5m", "15m", "1h", "4h", "1d"] as const;
export const LENGTHS: Record<string, number> = { "1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000 };
const BARS = 400;

export const msOf = (time: number | string) => (typeof time === "number" ? time : Date.parse(time));

/** What was known at `at`, or is now. */
export function loadChart(symbol: string, timeframe: string, at: number | undefined, abort: AbortSignal): Promise<ChartAnswer> {
  const when = at === undefined ? "" : `&at=${at}`;
  return ask(`/api/v1/chart?symbol=${encodeURIComponent(symbol)}&timeframe=${timeframe}&bars=${BARS}${when}`, abort);
}

/** Closed bars before the first of those that are shown. */
export async function loadEarlier(symbol: string, timeframe: string, before: number): Promise<{ bars: Bar[]; earlier: boolean }> {
  return ask(`/api/v1/candles?symbol=${encodeURIComponent(symbol)}&timeframe=${timeframe}&before=${before}&limit=500`);
}

/** The last bar that opened at or before a time; -1 before all. */
export function barAt(bars: Bar[], ms: number): number {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bars[middle]?.[0] ?? Infinity) <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The bar at whose close something known at `ms` was known; -1 before all. */
export function closedBy(bars: Bar[], ms: number): number {
  let found = barAt(bars, ms);
  while (found >= 0 && (bars[found]?.[6] ?? Infinity) > ms) found -= 1;
  return found;
}
