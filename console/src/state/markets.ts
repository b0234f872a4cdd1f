// Prices, how each symbol's feed stands, and what is known of the symbols.

import { digitsIn } from "../format/number";
import { now } from "../net/clock";
import { ask } from "../net/rest";
import type { FeedStatus, Price, PriceExt, PriceItem, SymbolInfo } from "../net/wire";
import { Store, use } from "./store";

const SPARK_MINUTES = 60;
/** Shown first, in this order. */
const ORDER = ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "US30", "NAS100", "SPX500"];

export interface Market {
  symbol: string;
  price?: Price;
  ext: PriceExt;
  /** Its age when it was heard, and the timer then. */
  age: number;
  heardAt: number;
  status?: FeedStatus;
  info?: SymbolInfo;
  /** Closes of the last minutes, and the minute of the last of them. */
  spark: number[];
  minute: number;
  /** The last step's sign, for its colour. */
  step: number;
  /** Changes with each price and with how its feed stands. */
  news: Store<undefined>;
}

/** Changes with what is known of the symbols, not with their prices: those change each market's `news`, and `prices`. */
export const markets = new Store(new Map<string, Market>());
/** Changes with each price of any symbol. */
export const prices = new Store<undefined>(undefined);
const none = new Store<undefined>(undefined);
const digits = new Map<string, number>();

function market(symbol: string): Market {
  const all = markets.get();
  let found = all.get(symbol);
  if (!found) {
    found = { symbol, ext: {}, age: 0, heardAt: performance.now(), spark: [], minute: 0, step: 0, news: new Store<undefined>(undefined) };
    all.set(symbol, found);
    markets.changed();
  }
  return found;
}

export function takePrice(price: Price, ext: PriceExt | undefined, ts: string | undefined, text: string): void {
  if (!digits.has(price.symbol)) learnDigits(price.symbol, digitsIn(text, "price"));
  const known = market(price.symbol);
  const at = ts === undefined ? now() : Date.parse(ts);
  known.step = known.price ? Math.sign(price.price - known.price.price) : 0;
  known.price = price;
  known.ext = ext ?? {};
  known.age = Math.max(0, at - Date.parse(price.timestamp));
  known.heardAt = performance.now();
  draw(known, price.price, Math.floor(Date.parse(price.timestamp) / 60_000));
  known.news.changed();
  prices.changed();
}

function draw(known: Market, price: number, minute: number): void {
  if (minute > known.minute) {
    known.spark.push(price);
    if (known.spark.length > SPARK_MINUTES) known.spark.shift();
    known.minute = minute;
  } else known.spark[known.spark.length - 1] = price;
}

export function takeStatus(status: FeedStatus): void {
  const known = market(status.symbol);
  known.status = status;
  known.news.changed();
}

/** What REST knows beyond the socket: names, digits, hours, the last hour's closes. */
export async function loadMarkets(): Promise<void> {
  const symbols = await ask<{ items: SymbolInfo[] }>("/api/v1/symbols").catch(() => undefined);
  for (const info of symbols?.items ?? []) {
    digits.set(info.symbol, info.digits);
    market(info.symbol).info = info;
  }
  const prices = await ask<{ items: PriceItem[] }>("/api/v1/prices").catch(() => undefined);
  for (const item of prices?.items ?? []) {
    const known = market(item.symbol);
    const latest = known.spark.at(-1);
    if (item.spark && item.spark.length > known.spark.length) {
      known.spark = [...item.spark];
      if (latest !== undefined) known.spark.push(latest);
    }
    known.news.changed();
  }
  markets.changed();
}

/** The symbol's market, drawn again with each of its prices; nothing while it is not known. */
export function useMarket(symbol: string): Market | undefined {
  const found = use(markets).get(symbol);
  use(found?.news ?? none);
  return found;
}

/** The server writes every price with all its decimals; numbers in JavaScript lose the zeros at the end. */
export function learnDigits(symbol: string, found: number | undefined): void {
  if (found !== undefined && !digits.has(symbol)) digits.set(symbol, found);
}

export const digitsOf = (symbol: string) => digits.get(symbol) ?? 2;

/** How old the price is, by the server. */
export const ageOf = (known: Market) => known.age + performance.now() - known.heardAt;

export function inOrder(all: Map<string, Market>): Market[] {
  const rank = (symbol: string) => (ORDER.includes(symbol) ? ORDER.indexOf(symbol) : ORDER.length);
  return [...all.values()].sort((a, b) => rank(a.symbol) - rank(b.symbol) || (a.symbol < b.symbol ? -1 : 1));
}
