// One signal's whole life.

import { ask } from "../net/rest";
import type { Condition, LifeEvent, SignalItem } from "../net/wire";

export interface Life {
  signal: SignalItem; market: string; simulated: boolean;
  events: (LifeEvent & { confidence?: number | null })[];
  conditions: Condition[] | null;
  ticks: { of: string; items: [time: number | string, bid: number, ask: number][] | null; why?: string | null; note?: string | null } | null;
}

export const loadLife = (id: string, abort: AbortSignal) => ask<Life>(`/api/v1/signals/${encodeURIComponent(id)}`, abort);
