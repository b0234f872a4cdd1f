// Ties the connection to the stores, and knows whether what is shown is live.

import { ask } from "../net/rest";
import { Socket, type Link } from "../net/socket";
import type { BarMessage, ServerStatus } from "../net/wire";
import { loadMarkets, takePrice, takeStatus } from "./markets";
import { anew, infer, loadLives, sweep, takeOutcome, takeSignal } from "./signals";
import { Store } from "./store";

/** Nothing at all for so long, and the page does not call itself live. */
const QUIET_MS = 18_000;

/** Opening hours are asked for again after so long. */
const HOURS_MS = 300_000;

export const link = new Store<Link>({ state: "connecting" });
/** Where the data is from; unknown until the server said so. */
export const origin = new Store<{ kind: "unknown" | "live" | "simulated" | "recorded"; market?: string }>({ kind: "unknown" });

const socket = new Socket({
  link(state) {
    link.set(state);
    if (state.state === "open") void loadBeside();
    // Other pages ask REST, and show what that says where the socket never opens: what is made up must say so there too.
    if (state.state === "lost" && origin.get().kind === "unknown") void learnOrigin();
  },
  anew,
  message(message, text) {
    switch (message.type) {
      case "signal": takeSignal(message.payload, message.ext, message.ts, text, message.snapshot === true); break;
      case "outcome": takeOutcome(message.payload, message.ext); break;
      case "price_update":
        takePrice(message.payload, message.ext, message.ts, text);
        infer(message.payload.symbol, message.payload.price);
        break;
      case "status": takeStatus(message.payload); break;
      case "subscribed": if (message.simulated) origin.set({ ...origin.get(), kind: "simulated" }); break;
      case "bar": for (const tell of barListeners) tell(message.payload); break;
      default: break;
    }
  },
});

const barListeners = new Set<(bar: BarMessage) => void>();

/** Calls for each bar that is heard, until what it gives is called. */
export function onBar(tell: (bar: BarMessage) => void): () => void {
  barListeners.add(tell);
  return () => barListeners.delete(tell);
}

export const watchBars = (bars: { symbol: string; tf: string } | undefined) => socket.watchBars(bars);

async function loadBeside(): Promise<void> {
  await learnOrigin();
  await loadMarkets();
  await loadLives();
}

async function learnOrigin(): Promise<void> {
  const told = await ask<ServerStatus>("/api/v1/status").catch(() => undefined) ?? await fromHealth();
  if (!told) return;
  const kind = told.simulated ? "simulated" : told.feed.startsWith("tape") ? "recorded" : "live";
  origin.set({ kind, market: told.market });
}

async function fromHealth(): Promise<{ simulated: boolean; feed: string; market: string } | undefined> {
  const health = await ask<{ simulated: boolean; market: string; feed: { name: string } }>("/health").catch(() => undefined);
  return health && { simulated: health.simulated, market: health.market, feed: health.feed.name };
}

export function start(): void {
  socket.connect();
  setInterval(sweep, 5000);
  // Market hours move on by themselves.
  setInterval(() => void (isLive() && loadMarkets()), HOURS_MS);
}

/** Connects again at once, with another key perhaps. */
export function reconnect(): void {
  socket.connect();
}

/** How long nothing has been heard, in ms. */
export const silence = () => performance.now() - socket.heardAt;

export function isLive(): boolean {
  return link.get().state === "open" && silence() < QUIET_MS;
}
