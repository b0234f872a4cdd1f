// What comes over the WebSocket and REST (docs/protocol.md), as far as the console reads it.

export interface Condition { name: string; rule: "at_most" | "at_least" | "holds"; value: number; limit: number }
export interface Confidence { n: number; hits: number; lo?: number; hi?: number; score?: number; version?: number; basis: string; fallback?: boolean }

export interface SignalExt {
  setup?: string; tf?: string; simulated?: boolean; decide_by?: string; cause?: string; source?: string; price_kind?: string;
  conditions?: Condition[]; confidence?: Confidence; odds?: number; source_confidence?: number; rr_weighted?: number; config_hash?: string;
  size?: { currency: string; lots?: number; risk?: number; note?: string };
  risk_gate?: { name: string; value: number; limit: number };
  model?: { name: string; version: string; score: number };
}

export interface Signal {
  id: string; status: "pending" | "confirmed" | "invalidated"; direction: "long" | "short"; symbol: string; entry_time: string;
  entry_price: number; stop_loss: number; take_profits: number[]; tp_modes: string[]; reason: string; confidence: number;
  rr_target: number; killzone: string;
}

export interface Outcome { id: string; event: string; price: number; r: number; at: string }
export interface OutcomeExt {
  last?: boolean; realised_r?: number; cost_r?: number; hit?: boolean; mfe_r?: number; mae_r?: number; fill?: number; spread?: number; held_s?: number;
}

export interface Price { symbol: string; price: number; timestamp: string; change: number; change_percent: number; volume?: number }
export interface PriceExt { bid?: number; ask?: number; source?: string; price_kind?: string; simulated?: boolean }
export interface FeedStatus { symbol: string; feed: "live" | "stale" | "closed" | "silent"; since: string; source?: string; simulated: boolean }

interface Placed { seq?: number; prev?: number; epoch?: string; ts?: string; snapshot?: boolean }

export type Message =
  | ({ type: "signal"; payload: Signal; ext?: SignalExt } & Placed)
  | ({ type: "outcome"; payload: Outcome; ext?: OutcomeExt } & Placed)
  | { type: "price_update"; ts?: string; payload: Price; ext?: PriceExt }
  | { type: "status"; ts?: string; payload: FeedStatus }
  | { type: "subscribed"; id?: string; epoch: string; seq: number; recovered?: boolean; replayed?: number; shown?: number; simulated: boolean }
  | { type: "heartbeat"; epoch: string; seq: number; ts: string }
  | { type: "pong"; timestamp: unknown; server_time: string }
  | { type: "authenticated"; expires?: string }
  | { type: "error"; code: string; message: string; retryable: boolean }
  | { type: "closing"; code: number; reason: string; retry_after_ms?: number }
  | { type: "bar"; ts?: string; payload: BarMessage };

export interface BarMessage { symbol: string; tf: string; open_time: string; o: number; h: number; l: number; c: number; ticks: number; closed: boolean }

// REST, /api/v1

export interface SymbolInfo {
  symbol: string; name: string; kind: string; digits: number; feed: string; source?: string; is_open: boolean;
  next_open?: string | null; next_close?: string | null; killzones?: unknown;
}
export interface ServerStatus {
  market: string; feed: string; simulated: boolean; version: string; started: string; now: string; state: string; auth: "off" | "optional" | "required";
}
export type PriceItem = Price & PriceExt & { spark?: number[]; age_ms?: number; spread?: number };
export type SignalItem = Signal & { ext: SignalExt; born?: string; decided?: string | null; outcome?: (Outcome & { ext?: OutcomeExt } & OutcomeExt) | null };
export interface LifeEvent { seq?: number; at: string; kind: "pending" | "confirmed" | "invalidated" | "outcome"; cause?: string | null; price?: number | null; r?: number | null }
