// What the market does now, and which signals count.

import type { ComponentChildren } from "preact";
import { length, newYorkDay } from "../format/time";
import { percent, price as shown, signed, inR } from "../format/number";
import { now } from "../net/clock";
import { Card } from "../parts/card";
import { Spark } from "../parts/spark";
import { isLive, link, origin } from "../state/live";
import { ageOf, digitsOf, inOrder, markets, prices, useMarket, type Market } from "../state/markets";
import { isRunning, newestFirst, rOf, signals, type Known } from "../state/signals";
import { beat, use } from "../state/store";

const SHOWN_MAX = 50;

// Sixty prices a second are drawn here: each part looks at what it shows, and no part is drawn anew for another's sake.

export function Live() {
  return (
    <Fresh>
      <h1 class="hidden">Live</h1>
      <Glance />
      <Markets />
      <Columns />
    </Fresh>
  );
}

/** Grey while what is shown is not live. */
function Fresh({ children }: { children: ComponentChildren }) {
  use(beat);
  use(link);
  return <div class={`live${isLive() ? "" : " stale"}`}>{children}</div>;
}

/** The page in a sentence, and each trade that runs in a word. */
function Glance() {
  const all = [...use(signals).values()];
  const { kind } = use(origin);
  const running = all.filter(isRunning).sort(newestFirst);
  const pending = all.filter((known) => known.signal.status === "pending").length;
  const what = kind === "simulated" ? "simulated market" : kind === "recorded" ? "recorded market" : "live market";
  return (
    <section class="glance" aria-label="At a glance">
      <p>
        <b>{running.length === 0 ? "No trade runs" : running.length === 1 ? "One trade runs" : `${running.length} trades run`}</b>
        <Together running={running} />; {pending === 0 ? "no signal waits for its verdict" : pending === 1 ? "one signal waits for its verdict" : `${pending} signals wait for their verdict`}{kind === "unknown" ? "" : <>. This is a <b class={kind === "simulated" ? "simtext" : ""}>{what}</b></>}.
      </p>
      {running.length > 0 && <ul class="chips">{running.slice(0, 12).map((known) => <Chip key={known.signal.id} known={known} />)}</ul>}
    </section>
  );
}

/** What all trades that run would bring now. */
function Together({ running }: { running: Known[] }) {
  use(prices);
  const open = running.map((known) => openR(known, markets.get().get(known.signal.symbol))).filter((r) => r !== undefined);
  const sum = open.reduce((total, r) => total + r, 0);
  return open.length === 0 ? null : <> at <b class={sum < 0 ? "bad" : "good"}>{inR(sum)}</b>{open.length > 1 && " together"}</>;
}

function openR(known: Known, market: Market | undefined): number | undefined {
  const price = market?.price?.price;
  return price === undefined ? undefined : rOf(known.signal, price);
}

function Chip({ known }: { known: Known }) {
  use(beat);
  const { signal } = known;
  const r = openR(known, useMarket(signal.symbol));
  const since = known.changed ?? Date.parse(signal.entry_time);
  return (
    <li><a href={`/signals/${signal.id}`}>
      <b>{signal.symbol}</b> <span class={signal.direction === "long" ? "good" : "bad"}>{signal.direction}</span>{" "}
      {r !== undefined && <b class={r < 0 ? "bad" : "good"}>{inR(r)}</b>} <span class="quiet">{percent(signal.confidence)} {known.ext.confidence?.n === 0 ? "guessed" : "sure"}, for {length(now() - since)}</span>
    </a></li>
  );
}

function Markets() {
  const all = inOrder(use(markets));
  if (all.length === 0) return <section class="markets"><p class="none">Waiting for the first price.</p></section>;
  return (
    <section class="markets" aria-label="Markets">
      {all.map(({ symbol }) => <Tile key={symbol} symbol={symbol} />)}
    </section>
  );
}

function Tile({ symbol }: { symbol: string }) {
  const market = useMarket(symbol);
  if (!market) return null;
  const { price, ext, status } = market;
  const digits = digitsOf(symbol);
  const change = price?.change_percent ?? 0;
  const tone = change > 0 ? "good" : change < 0 ? "bad" : "quiet";
  const feed = status?.feed ?? "live";
  return (
    <a class={`tile feed-${feed}`} data-walk data-symbol={symbol} href={`/chart/${symbol}/5m`}>
      <span class="head"><b>{symbol}</b><span class={tone} title="Since the close of the day before, in New York">{price ? `${signed(change, 2)} %` : ""}</span></span>
      <span class={`value step${market.step}`}>{price ? shown(price.price, digits) : "\u2013"}</span>
      <Spark closes={market.spark} />
      <span class="foot">
        <span title="Spread">{ext.bid !== undefined && ext.ask !== undefined ? `spread ${spread(ext.ask - ext.bid, digits)}` : "\u00a0"}</span>
        <Age market={market} />
      </span>
    </a>
  );
}

function spread(width: number, digits: number): string {
  return width.toFixed(digits);
}

/** The age of the last tick and where it came from; or why there is none. */
function Age({ market }: { market: Market }) {
  use(beat);
  const { status, info } = market;
  const source = market.ext.source ?? status?.source ?? "";
  if (status?.feed === "closed") {
    const opens = info?.next_open ? `, opens ${newYorkDay(Date.parse(info.next_open))} New York` : "";
    return <span class="wait">closed{opens}</span>;
  }
  if (status?.feed === "stale") return <span class="wait" title={source}>stale for {length(now() - Date.parse(status.since))}</span>;
  if (status?.feed === "silent" || !market.price) return <span class="quiet">no price yet</span>;
  return <span class="quiet" title={`Last tick, from ${source}`}>{source} {length(ageOf(market))}</span>;
}

function Columns() {
  const all = [...use(signals).values()].sort(newestFirst);
  const of = (status: string) => all.filter((known) => known.signal.status === status);
  const confirmed = of("confirmed");
  const columns: [string, string, string, string, Known[]][] = [
    ["confirmed", "Confirmed", "good", "The market agreed: these are the trades.", [...confirmed.filter(isRunning), ...confirmed.filter((known) => known.end)]],
    ["pending", "Pending", "wait", "Found, and waiting for the market\u2019s verdict.", of("pending")],
    ["invalidated", "Invalidated", "quiet", "The market disagreed: no trades.", of("invalidated")],
  ];
  return (
    <div class="columns">
      {columns.map(([id, name, tone, means, cards]) => (
        <section key={id} id={id} aria-labelledby={`${id}-name`}>
          <h2 id={`${id}-name`} class={tone}>{name} <span class="count">{cards.length}</span></h2>
          <p class="quiet small">{means}{id === "confirmed" && cards.some((known) => known.end) && ` ${counted(cards.filter(isRunning).length, "runs", "run")}, ${counted(cards.filter((known) => known.end).length, "has", "have")} ended.`}</p>
          {cards.slice(0, SHOWN_MAX).map((known) => <Card key={known.signal.id} known={known} />)}
          {cards.length === 0 && <p class="none">No {id} signal now.</p>}
        </section>
      ))}
      <p class="quiet small legend"><b>R</b> is what a trade risks: the way from its entry to its stop. A loss may be larger: a stop is filled at the first price beyond it. <b>TP</b> is a target, with the part of the position closed there. The percentage is how
        often such a signal, once confirmed, came to its first target before its stop; the line under it runs from 0 to {percent(1)}, thick where the rate lies in 95 of 100 cases, with a tick for chance. Signals are no advice.</p>
    </div>
  );
}

/** "1 runs", "2 run". */
const counted = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;
