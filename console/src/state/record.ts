// The track record as REST tells it, and what is computed from its outcomes.

import { ask } from "../net/rest";

export interface Bin { n: number; hits: number; confidence: number; rate: number; interval: [number, number] }
export interface Figures {
  n: number; hits: number; note?: string; least?: number;
  rate?: number; interval?: [number, number]; odds?: number | null; edge?: number | null;
  r?: { mean: number | null; median: number | null; sum: number };
  net?: { n: number; mean: number | null; sum: number };
  confidence?: number; brier?: number; skill?: number | null; reliability?: Bin[]; calibration_error?: number;
}
export interface WouldHave { n: number; hits: number; note?: string; rate?: number; interval?: [number, number]; odds?: number | null; r?: number | null }
export interface Version { at: string; what: string }
export interface TrackRecord {
  market: string; simulated?: boolean;
  signals: { born: number; confirmed: number; invalidated: number; running: number; unfollowed: number };
  all: Figures | null; posted: Figures | null;
  by: Record<string, Record<string, Figures>>;
  by_bars?: Record<string, Figures>;
  would_have: Record<string, Record<string, WouldHave>>;
  versions?: unknown; note: string;
}
export interface Ended {
  id: string; symbol: string; setup: string; killzone: string; source: string; direction: string; confirmed: string; ended: string; hit: boolean | null;
  own?: boolean; r: number | null; net: number | null; confidence: number; odds: number | null; config_hash?: string | null; by_bars?: unknown;
}

export const loadRecord = () => ask<TrackRecord>("/api/v1/track-record");

const PAGE = 5000;
const PAGES_MAX = 20;

/** All of them, oldest first; `isWhole` is false where there are more than are asked for. */
export async function loadEnded(): Promise<{ items: Ended[]; isWhole: boolean }> {
  const items: Ended[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const next: { items: Ended[]; next?: string | null } = await ask(`/api/v1/outcomes?limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    items.push(...next.items);
    cursor = next.next ?? null;
    if (!cursor) return { items, isWhole: true };
  }
  return { items, isWhole: false };
}

/** After costs where they are known, and before them where not. */
export const resultOf = (ended: Ended) => ended.net ?? ended.r ?? 0;

export interface Curve { times: number[]; sums: number[]; falls: number[]; deepest: number }

/** What all of them brought one after the other, and how far below its best that was at each. */
export function equity(items: Ended[]): Curve {
  const curve: Curve = { times: [], sums: [], falls: [], deepest: 0 };
  let sum = 0;
  let best = 0;
  for (const item of [...items].sort((a, b) => Date.parse(a.ended) - Date.parse(b.ended))) {
    sum += resultOf(item);
    best = Math.max(best, sum);
    curve.times.push(Date.parse(item.ended) / 1000);
    curve.sums.push(sum);
    curve.falls.push(sum - best);
    curve.deepest = Math.min(curve.deepest, sum - best);
  }
  return curve;
}

/** Wilson's interval of a rate, 95 %: https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval */
export function wilson(hits: number, n: number): [number, number] {
  if (n === 0) return [0, 1];
  const z = 1.959963984540054;
  const rate = hits / n;
  const scale = 1 + (z * z) / n;
  const middle = rate + (z * z) / (2 * n);
  const half = z * Math.sqrt((rate * (1 - rate)) / n + (z * z) / (4 * n * n));
  return [Math.max(0, (middle - half) / scale), Math.min(1, (middle + half) / scale)];
}

/** When rules or calibrations changed, from whatever `versions` is made of: names with the time they began. */
export function changes(record: TrackRecord | undefined, items: Ended[]): { at: number; what: string }[] {
  const found: { at: number; what: string }[] = [];
  const visit = (value: unknown, name: string): void => {
    if (Array.isArray(value)) for (const each of value) visit(each, name);
    else if (value !== null && typeof value === "object") {
      const fields = value as Record<string, unknown>;
      const at = ["first", "at", "since", "fitted", "time"].map((field) => fields[field]).find((time) => typeof time === "string");
      const what = [name, fields["of"], fields["version"] ?? fields["config_hash"] ?? fields["hash"]].filter((part) => part !== undefined && part !== "").join(" ");
      if (at !== undefined) found.push({ at: Date.parse(at as string), what });
      else for (const [field, each] of Object.entries(fields)) visit(each, field);
    }
  };
  visit(record?.versions, "");
  if (found.length === 0) {
    const seen = new Set<string>();
    for (const item of items) {
      if (!item.config_hash || seen.has(item.config_hash)) continue;
      seen.add(item.config_hash);
      found.push({ at: Date.parse(item.confirmed), what: `rules ${item.config_hash.slice(0, 8)}` });
    }
  }
  return found.filter((change) => Number.isFinite(change.at)).sort((a, b) => a.at - b.at);
}
