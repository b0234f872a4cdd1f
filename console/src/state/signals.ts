// The signals that still count, each once, and what becomes of them.

import { digitsIn } from "../format/number";
import { now } from "../net/clock";
import { ask } from "../net/rest";
import type { LifeEvent, Outcome, OutcomeExt, Signal, SignalExt, SignalItem } from "../net/wire";
import { learnDigits } from "./markets";
import { Store } from "./store";

/** What is over stays so long; so it does in the snapshot that a new page gets. */
const KEPT_MS = 900_000;
/** A signal is decided at the latest 4 min 45 s after it was first shown. */
export const VERDICT_MS = 285_000;

export interface Known {
  signal: Signal;
  ext: SignalExt;
  /** When it came to its status; a snapshot does not say that, REST does. */
  changed: number | undefined;
  outcomes: Outcome[];
  /** The stop, where it lies by now. */
  stop: number;
  end?: { event: string; at: number; r: number; realised?: number };
}

export const signals = new Store(new Map<string, Known>());

export function takeSignal(signal: Signal, ext: SignalExt | undefined, ts: string | undefined, text: string, isSnapshot: boolean): void {
  learnDigits(signal.symbol, digitsIn(text, "entry_price"));
  const all = signals.get();
  const before = all.get(signal.id);
  // No status goes back; the same again changes nothing.
  if (before && before.signal.status !== "pending" && signal.status === "pending") return;
  const changed = isSnapshot ? undefined : ts === undefined ? now() : Date.parse(ts);
  const isNews = !before || before.signal.status !== signal.status;
  all.set(signal.id, {
    ...(before ?? { outcomes: [] }),
    signal,
    ext: ext ?? {},
    changed: isNews ? changed : before.changed,
    stop: before?.stop ?? signal.stop_loss,
  });
  signals.changed();
}

export function takeOutcome(outcome: Outcome, ext: OutcomeExt | undefined): void {
  const known = signals.get().get(outcome.id);
  if (!known || known.outcomes.some((had) => had.event === outcome.event && had.at === outcome.at)) return;
  known.outcomes.push(outcome);
  if (outcome.event === "stop_moved") known.stop = outcome.price;
  const isLastTarget = outcome.event === `tp${known.signal.take_profits.length}`;
  if (ext?.last === true || outcome.event === "stop" || outcome.event === "timeout" || outcome.event === "closed" || isLastTarget) {
    known.end = { event: outcome.event, at: Date.parse(outcome.at), r: outcome.r, ...(ext?.realised_r === undefined ? {} : { realised: ext.realised_r }) };
  }
  signals.changed();
}

/** A snapshot follows: what was known before is not continued. */
export function anew(): void {
  signals.get().clear();
  signals.changed();
}

/** A snapshot says how signals stand, not when they came to it and what happened on the way: REST does. */
export async function loadLives(): Promise<void> {
  const unsure = [...signals.get().values()].filter((known) => known.changed === undefined);
  if (unsure.length === 0) return;
  const listed = await ask<{ items: SignalItem[] }>("/api/v1/signals?limit=200").catch(() => undefined);
  for (const item of listed?.items ?? []) {
    const known = signals.get().get(item.id);
    const at = item.decided ?? item.born;
    if (known && known.changed === undefined && at && item.status === known.signal.status) known.changed = Date.parse(at);
    if (known && item.outcome) takeOutcome({ ...item.outcome, id: item.id }, item.outcome.ext ?? item.outcome);
  }
  signals.changed();
  for (const known of unsure.filter(isRunning)) await loadLife(known);
}

async function loadLife(known: Known): Promise<void> {
  const life = await ask<{ events?: LifeEvent[] }>(`/api/v1/signals/${encodeURIComponent(known.signal.id)}`).catch(() => undefined);
  for (const event of life?.events ?? []) {
    if (event.kind !== "outcome" || !event.cause) continue;
    takeOutcome({ id: known.signal.id, event: event.cause, price: event.price ?? 0, r: event.r ?? 0, at: event.at }, undefined);
  }
}

/**
 * A snapshot holds what ended lately too, and does not say so. Where REST does not either, a price beyond the stop or the last
 * target does.
 */
export function infer(symbol: string, price: number): void {
  for (const known of signals.get().values()) {
    if (known.signal.symbol !== symbol || known.changed !== undefined || !isRunning(known)) continue;
    const r = rOf(known.signal, price);
    const last = rOf(known.signal, known.signal.take_profits.at(-1) ?? known.signal.entry_price);
    if (r > -1 && r < last) continue;
    known.end = { event: r < 0 ? "stop" : `tp${known.signal.take_profits.length}`, at: now(), r: r < 0 ? -1 : last };
    signals.changed();
  }
}

/** What came to its status, or began, last comes first. */
export function newestFirst(a: Known, b: Known): number {
  const at = (known: Known) => known.end?.at ?? known.changed ?? Date.parse(known.signal.entry_time);
  return at(b) - at(a) || (a.signal.id < b.signal.id ? -1 : 1);
}

export function isRunning(known: Known): boolean {
  return known.signal.status === "confirmed" && known.end === undefined;
}

/** What is over and old goes. */
export function sweep(): void {
  const all = signals.get();
  const oldest = now() - KEPT_MS;
  let isChanged = false;
  for (const [id, known] of all) {
    const over = known.signal.status === "invalidated" ? known.changed ?? Date.parse(known.signal.entry_time) + VERDICT_MS : known.end?.at;
    if (over !== undefined && over < oldest) {
      all.delete(id);
      isChanged = true;
    }
  }
  if (isChanged) signals.changed();
}

/** A price in multiples of the risk, from the entry. */
export function rOf(signal: Signal, price: number): number {
  return (price - signal.entry_price) / (signal.entry_price - signal.stop_loss);
}
