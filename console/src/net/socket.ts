// The one connection: it resumes where it was, says when it is not live, and never gives up.

import { forgetTime, heardTime } from "./clock";
import { key } from "./key";
import type { Message } from "./wire";

const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30_000;
/** The server speaks at least every 15 s, so more than this is a connection that has died unseen. */
const DEAD_MS = 25_000;
const PING_MS = 10_000;

export type Link =
  | { state: "connecting" }
  | { state: "open" }
  | { state: "lost"; why: string; retryAt: number }
  | { state: "refused"; why: string };

export interface Listener {
  link(link: Link): void;
  message(message: Message, text: string): void;
  /** The signals known so far are not continued: a snapshot follows. */
  anew(): void;
}

export class Socket {
  private ws: WebSocket | undefined;
  private attempts = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private position: { epoch: string; seq: number } | undefined;
  /** Where `subscribed` says the stream stands, and how many events must come before that place is ours. */
  private promised: { epoch: string; seq: number; left: number } | undefined;
  private isAsked = false;
  private ordered: number | undefined;
  private advice: number | undefined;
  private refused: string | undefined;
  private bars: { symbol: string; tf: string } | undefined;
  /** When something was heard last, by the timer. */
  heardAt = -Infinity;

  constructor(private readonly listener: Listener) {
    setInterval(() => this.watch(), 1000);
    const wake = () => document.visibilityState === "visible" && this.wake();
    document.addEventListener("visibilitychange", wake);
    window.addEventListener("pageshow", wake);
    window.addEventListener("online", wake);
  }

  connect(): void {
    clearTimeout(this.timer);
    this.drop();
    this.refused = undefined;
    this.advice = undefined;
    this.promised = undefined;
    this.isAsked = false;
    this.listener.link({ state: "connecting" });
    const ws = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/signals`);
    this.ws = ws;
    ws.onopen = () => this.opened();
    ws.onmessage = (event) => this.hear(event.data as string);
    ws.onclose = (event) => ws === this.ws && this.closed(event.code, event.reason);
    // A handshake that hangs is as dead as a connection that does.
    this.heardAt = performance.now();
  }

  /** Hears the bars of a chart, or of none any more. */
  watchBars(bars: { symbol: string; tf: string } | undefined): void {
    if (this.bars) this.send({ type: "unsubscribe", id: "bars", channels: ["bars"] });
    this.bars = bars;
    this.askBars();
  }

  private askBars(): void {
    if (this.bars) this.send({ type: "subscribe", v: 1, id: "bars", channels: ["bars"], symbols: [this.bars.symbol], tf: this.bars.tf, snapshot: false });
  }

  private send(message: object): void {
    if (this.ws?.readyState === WebSocket.OPEN) this.ws.send(JSON.stringify(message));
  }

  private drop(): void {
    const old = this.ws;
    this.ws = undefined;
    if (!old) return;
    old.onopen = old.onmessage = old.onclose = null;
    old.close();
  }

  private opened(): void {
    forgetTime();
    const token = key();
    if (token) this.send({ type: "auth", token });
    this.ping();
    this.send({
      type: "subscribe", v: 1, id: "console", channels: ["signals", "prices", "status", "outcomes"],
      ...(this.position ? { since: this.position } : {}),
      snapshot: { signals: 200, prices: true }, price_interval_ms: 1000,
    });
    this.askBars();
  }

  private ping(): void {
    this.send({ type: "ping", timestamp: performance.now() });
    this.ordered = performance.now();
  }

  private hear(text: string): void {
    this.heardAt = performance.now();
    const message = JSON.parse(text) as Message;
    if ("ts" in message) heardTime(message.ts);
    switch (message.type) {
      case "subscribed":
        if (message.id !== "console") return;
        if (message.recovered !== true) this.listener.anew();
        this.attempts = 0;
        this.isAsked = true;
        this.promised = { epoch: message.epoch, seq: message.seq, left: message.recovered === true ? message.replayed ?? 0 : message.shown ?? 0 };
        this.keepPromise();
        this.listener.link({ state: "open" });
        break;
      case "signal":
      case "outcome":
        // What comes before the answer to a subscribe is left aside: it comes again behind it.
        if (!this.isAsked || this.isKnown(message)) return;
        this.take(message);
        break;
      case "heartbeat":
        if (this.position?.epoch === message.epoch && !this.promised && message.seq > this.position.seq) return this.connect();
        break;
      case "pong":
        heardTime(message.server_time);
        return;
      case "closing":
        this.advice = message.retry_after_ms;
        break;
      case "error":
        if (message.code.startsWith("auth_") || message.code === "forbidden") {
          this.refused = message.message;
          this.listener.link({ state: "refused", why: message.message });
        }
        break;
      default:
        break;
    }
    this.listener.message(message, text);
  }

  private isKnown(message: { seq?: number; epoch?: string; snapshot?: boolean }): boolean {
    const { position } = this;
    return message.snapshot !== true && position !== undefined && message.epoch === position.epoch && message.seq !== undefined && message.seq <= position.seq;
  }

  private take(message: { seq?: number; epoch?: string; snapshot?: boolean }): void {
    if (message.snapshot === true || this.promised) {
      if (this.promised) {
        this.promised.left -= 1;
        this.keepPromise();
      }
    }
    if (message.snapshot !== true && message.seq !== undefined && message.epoch !== undefined) {
      if (!this.position || this.position.epoch !== message.epoch || message.seq > this.position.seq) {
        this.position = { epoch: message.epoch, seq: message.seq };
      }
    }
  }

  private keepPromise(): void {
    const { promised } = this;
    if (!promised || promised.left > 0) return;
    if (!this.position || this.position.epoch !== promised.epoch || promised.seq > this.position.seq) {
      this.position = { epoch: promised.epoch, seq: promised.seq };
    }
    this.promised = undefined;
  }

  private closed(code: number, reason: string): void {
    this.ws = undefined;
    if (this.refused !== undefined || code === 4401 || code === 4403) {
      this.refused ??= reason || "the key is not taken";
      this.listener.link({ state: "refused", why: this.refused });
      return;
    }
    const told = /retry=(\d{1,6})\b/.exec(reason);
    const wait = told ? Number(told[1]) : this.advice ?? Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.attempts);
    this.attempts = Math.min(this.attempts + 1, 10);
    this.again(reason ? `${code}, ${reason}` : `closed with ${code}`, wait * (0.75 + Math.random() / 2));
  }

  private again(why: string, wait: number): void {
    this.listener.link({ state: "lost", why, retryAt: performance.now() + wait });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), wait);
  }

  /** Once a second: a connection may die without a word, above all while a laptop sleeps. */
  private watch(): void {
    if (!this.ws) return;
    const silent = performance.now() - this.heardAt;
    if (silent > DEAD_MS) {
      this.drop();
      this.again(`nothing heard for ${Math.round(silent / 1000)} s`, 0);
    } else if (performance.now() - (this.ordered ?? 0) > PING_MS) {
      this.ping();
    }
  }

  /** Somebody looks again: what was put off is done now. */
  private wake(): void {
    if (this.refused !== undefined) return;
    if (!this.ws || performance.now() - this.heardAt > PING_MS * 1.5) this.connect();
    else this.ping();
  }
}
