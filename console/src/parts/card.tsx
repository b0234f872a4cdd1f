// A signal as a card: what, since when, how it stands, how sure, and why.

import { inR, price as shown } from "../format/number";
import { clock, countdown, length, moment, newYork } from "../format/time";
import { CAUSES, ENDS, condition, killzone, setup, withoutSimulated } from "../format/words";
import { now } from "../net/clock";
import type { Condition } from "../net/wire";
import { digitsOf, useMarket } from "../state/markets";
import { VERDICT_MS, isRunning, rOf, type Known } from "../state/signals";
import { beat, use } from "../state/store";
import { Levels, Track } from "./ladder";
import { Sure } from "./sure";

export function Card({ known }: { known: Known }) {
  const { signal, ext } = known;
  const digits = digitsOf(signal.symbol);
  const isOpen = signal.status === "pending" || isRunning(known);
  const isLong = signal.direction === "long";
  return (
    <article class={`card ${signal.status}${known.end ? " ended" : ""}`} data-id={signal.id} aria-label={`${signal.symbol} ${signal.direction}, ${signal.status}`}>
      {signal.status === "pending" && <Fuse known={known} />}
      <header>
        <a class="name" data-walk href={`/signals/${signal.id}`}>{signal.symbol}</a>
        <span class={`side ${isLong ? "good" : "bad"}`}>{isLong ? "\u25b2 long" : "\u25bc short"}</span>
        {ext.simulated && <span class="sim" title="A made-up market">SIMULATED</span>}
        <Since known={known} />
      </header>
      {isOpen && <Open known={known} digits={digits} />}
      {!isOpen && <Over known={known} digits={digits} />}
      {isOpen && <Sure signal={signal} ext={ext} />}
      {isOpen && <Why reason={withoutSimulated(signal.reason)} conditions={ext.conditions ?? []} />}
      <footer class="quiet small">
        <span>{ext.setup ? setup(ext.setup) : withoutSimulated(signal.reason)}{ext.tf ? `, ${ext.tf}` : ""}</span>
        <span>{killzone(signal.killzone)}</span>
        {ext.source !== undefined && !ext.simulated && <span>{ext.source}{ext.price_kind ? ` ${ext.price_kind}` : ""}</span>}
      </footer>
    </article>
  );
}

/** How long it has been so, and when that began. */
function Since({ known }: { known: Known }) {
  use(beat);
  const at = now();
  const { signal } = known;
  if (signal.status === "pending") return <span class="since wait" title="Time left until the verdict">verdict in <b>{countdown(left(known, at))}</b></span>;
  const since = known.end?.at ?? known.changed;
  if (since === undefined) return <span class="since quiet">{signal.status === "confirmed" ? "running, " : ""}found {moment(Date.parse(signal.entry_time), at)} <b>{length(at - Date.parse(signal.entry_time))} ago</b></span>;
  const isOver = known.end !== undefined || signal.status === "invalidated";
  return (
    <span class="since quiet" title={`${newYork(since)} New York`}>
      {isOver ? "ended" : `found ${clock(Date.parse(signal.entry_time))}, running since`} {moment(since, at)} <b>{isOver ? `${length(at - since)} ago` : `for ${length(at - since)}`}</b>
    </span>
  );
}

function left(known: Known, at: number): number {
  const by = known.ext.decide_by === undefined ? (known.changed ?? Date.parse(known.signal.entry_time)) + VERDICT_MS : Date.parse(known.ext.decide_by);
  return by - at;
}

function Fuse({ known }: { known: Known }) {
  use(beat);
  const share = Math.min(1, Math.max(0, left(known, now()) / VERDICT_MS));
  return <i class="fuse" style={{ transform: `scaleX(${share.toFixed(3)})` }} aria-hidden="true" />;
}

/** How it stands at each price. */
function Open({ known, digits }: { known: Known; digits: number }) {
  const price = useMarket(known.signal.symbol)?.price?.price;
  const r = price === undefined ? undefined : rOf(known.signal, price);
  return (
    <>
      <Now r={r} known={known} price={price} digits={digits} />
      <Track known={known} at={r} />
      <Levels known={known} digits={digits} price={price} />
    </>
  );
}

/** What it would bring now. */
function Now({ r, known, price, digits }: { r: number | undefined; known: Known; price: number | undefined; digits: number }) {
  const word = known.signal.status === "pending" ? "price" : "now";
  return (
    <p class="now">
      <span><span class="quiet">{word}</span> <b>{price === undefined ? "\u2013" : shown(price, digits)}</b></span>
      {r !== undefined && <span class={r < 0 ? "bad" : "good"}><b>{inR(r)}</b> <span class="quiet small">{known.signal.status === "pending" ? "from entry" : "open"}</span></span>}
      {known.signal.status === "pending" && <span class="quiet small">found {clock(Date.parse(known.signal.entry_time))}</span>}
    </p>
  );
}

function Over({ known, digits }: { known: Known; digits: number }) {
  const { signal, end, ext } = known;
  if (end) {
    const result = end.realised ?? end.r;
    return <p class="over"><b class={result < 0 ? "bad" : "good"}>{inR(result)}</b> {ENDS[end.event] ?? end.event}{end.realised === undefined ? "" : ", in all"} <span class="quiet">entry {shown(signal.entry_price, digits)}</span></p>;
  }
  return <p class="over quiet">No trade: {CAUSES[ext.cause ?? ""] ?? ext.cause ?? "the market disagreed"}. Entry {shown(signal.entry_price, digits)}, stop {shown(signal.stop_loss, digits)}</p>;
}

export function Why({ reason, conditions }: { reason: string; conditions: Condition[] }) {
  return (
    <details class="why">
      <summary>Why: {reason}</summary>
      {conditions.length === 0 ? <p class="quiet small">Its sender gave no conditions.</p> : <Conditions conditions={conditions} />}
    </details>
  );
}

export function Conditions({ conditions }: { conditions: Condition[] }) {
  return (
    <ul class="conditions">
      {conditions.map((each) => (
        <li key={each.name}><span aria-hidden="true" class="good">{"\u2713"}</span> <span>{condition(each.name)}</span> <span class="quiet">{said(each)}</span></li>
      ))}
    </ul>
  );
}

function said({ rule, value, limit }: Condition): string {
  switch (rule) {
    case "holds": return "holds";
    case "at_most": return `${tidy(value)}, at most ${tidy(limit)}`;
    case "at_least": return `${tidy(value)}, at least ${tidy(limit)}`;
  }
}

const tidy = (value: number) => String(Number(value.toPrecision(4)));
