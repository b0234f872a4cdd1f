// A signal's page, to share: what was seen, what happened to it and when, and the ticks that decided it.

import { useEffect, useState } from "preact/hooks";
import { Ticks } from "../draw/ticks";
import { inR, percent, price as shown } from "../format/number";
import { both, length, newYorkSeconds } from "../format/time";
import { CAUSES, ENDS, killzone, setup, withoutSimulated } from "../format/words";
import { now } from "../net/clock";
import { Refused } from "../net/rest";
import type { LifeEvent, SignalItem } from "../net/wire";
import { Conditions } from "../parts/card";
import { Failed } from "../parts/failed";
import { Levels, Track } from "../parts/ladder";
import { meaning, Sure } from "../parts/sure";
import { place } from "../router";
import { type Life, loadLife } from "../state/life";
import { digitsOf, useMarket } from "../state/markets";
import { type Known, rOf, signals } from "../state/signals";
import { use } from "../state/store";

export function SignalPage() {
  const { path } = use(place);
  const id = decodeURIComponent(path.split("/")[2] ?? "");
  const [life, setLife] = useState<Life>();
  const [failed, setFailed] = useState<Refused>();
  const live = use(signals).get(id);
  // Whatever happens to it is heard on the socket; its whole life is read again then.
  const state = `${live?.signal.status ?? ""} ${live?.outcomes.length ?? 0}`;
  useEffect(() => {
    const abort = new AbortController();
    loadLife(id, abort.signal).then((told) => { setLife(told); setFailed(undefined); }, (error: unknown) => { if (error instanceof Refused) setFailed(error); });
    return () => abort.abort();
  }, [id, state]);
  if (failed && !life) return <Failed what="This signal" why={failed} />;
  if (!life) return <p class="pad quiet" role="status">Reading its life.</p>;
  return <Shown life={life} />;
}

/** As the live page knows signals. */
function knownOf({ signal, events }: Life): Known {
  const outcomes = events.filter((event) => event.kind === "outcome").map((event) => ({ id: signal.id, event: event.cause ?? "", price: event.price ?? 0, r: event.r ?? 0, at: event.at }));
  const moved = outcomes.filter((outcome) => outcome.event === "stop_moved").at(-1);
  return { signal, ext: signal.ext, changed: undefined, outcomes, stop: moved?.price ?? signal.stop_loss };
}

function Shown({ life }: { life: Life }) {
  const { signal } = life;
  const { ext } = signal;
  const digits = digitsOf(signal.symbol);
  const market = useMarket(signal.symbol);
  const isOpen = signal.status === "pending" || (signal.status === "confirmed" && !isOver(signal));
  const price = isOpen ? market?.price?.price : undefined;
  const known = knownOf(life);
  const born = Date.parse(signal.born ?? signal.entry_time);
  return (
    <div class="pad signal-page">
      <p class="quiet small">Signal {signal.id}, of the market {life.market}{life.simulated && <> <b class="simtext">SIMULATED</b></>}</p>
      <h1>{signal.symbol} <span class={signal.direction === "long" ? "good" : "bad"}>{signal.direction}</span>: {standing(signal)}</h1>
      <p>{withoutSimulated(signal.reason)}{ext.setup ? ` (${setup(ext.setup)}, ${ext.tf ?? ""})` : ""}, {killzone(signal.killzone)}. Found {both(born)}, {length(now() - born)} ago.
        {" "}<a href={`/chart/${signal.symbol}/${ext.tf ?? "5m"}?at=${signal.decided ?? signal.born ?? signal.entry_time}`}>The chart as it was then</a></p>
      <div class="two">
        <section class="panel">
          <h2>Levels</h2>
          <Track known={known} at={price === undefined ? undefined : rOf(signal, price)} />
          <Levels known={known} digits={digits} price={price} />
          <Facts signal={signal} digits={digits} />
        </section>
        <section class="panel">
          <h2>How sure</h2>
          <Sure signal={signal} ext={ext} />
          <p class="hidden">{meaning(signal, ext)}</p>
          <h3>What was seen</h3>
          {life.conditions && life.conditions.length > 0 ? <Conditions conditions={life.conditions} /> : <p class="quiet small">Its sender gave no conditions.</p>}
        </section>
      </div>
      <section class="panel">
        <h2>Its life</h2>
        <ol class="life">{life.events.map((event, place) => <Event key={place} event={event} before={life.events[place - 1]} digits={digits} symbol={signal.symbol} />)}</ol>
      </section>
      <section class="panel">
        <h2>The ticks that decided it</h2>
        {life.ticks?.items && life.ticks.items.length > 0
          ? <div class="scroll" tabIndex={0}><Ticks items={life.ticks.items} signal={signal} digits={digits} /></div>
          : <p class="quiet">{life.ticks?.why ?? life.ticks?.note ?? (signal.status === "pending" ? "It is not decided yet." : "They are not kept any more.")}</p>}
      </section>
    </div>
  );
}

const isOver = (signal: SignalItem) => signal.outcome !== null && signal.outcome !== undefined && (signal.outcome.ext?.last ?? signal.outcome.last ?? false);

/** In a word, how it stands. */
function standing(signal: SignalItem): string {
  if (signal.status === "pending") return "waits for its verdict";
  if (signal.status === "invalidated") return `no trade, ${CAUSES[signal.ext.cause ?? ""] ?? signal.ext.cause ?? "the market disagreed"}`;
  const { outcome } = signal;
  if (!outcome) return "confirmed, running";
  const result = outcome.ext?.realised_r ?? outcome.r;
  return isOver(signal) ? `${ENDS[outcome.event] ?? outcome.event}, ${inR(result)} in all` : `running, ${ENDS[outcome.event] ?? outcome.event}`;
}

function Facts({ signal, digits }: { signal: SignalItem; digits: number }) {
  const { ext, outcome } = signal;
  const ended = outcome?.ext;
  const facts: [string, string | undefined][] = [
    ["source", ext.source === undefined ? undefined : `${ext.source}${ext.price_kind ? `, ${ext.price_kind}` : ""}`],
    ["opened at", ended?.fill === undefined ? undefined : shown(ended.fill, digits)],
    ["spread then", ended?.spread === undefined ? undefined : shown(ended.spread, digits)],
    ["costs", ended?.cost_r === undefined ? undefined : `${ended.cost_r.toFixed(2)} R`],
    ["best, worst", ended?.mfe_r === undefined || ended.mae_r === undefined ? undefined : `${inR(ended.mfe_r)}, ${inR(ended.mae_r)}`],
    ["held", ended?.held_s === undefined ? undefined : length(ended.held_s * 1000)],
    ["limit against it", ext.risk_gate ? `${ext.risk_gate.name}: ${ext.risk_gate.value}, at most ${ext.risk_gate.limit}` : undefined],
    ["model", ext.model ? `${ext.model.name} ${ext.model.version}, ${percent(ext.model.score)}` : undefined],
    ["rules", ext.config_hash],
  ];
  return <dl class="facts small">{facts.filter(([, value]) => value !== undefined).map(([name, value]) => <div key={name}><dt class="quiet">{name}</dt><dd>{value}</dd></div>)}</dl>;
}

function Event({ event, before, digits, symbol }: { event: LifeEvent; before: LifeEvent | undefined; digits: number; symbol: string }) {
  const at = Date.parse(event.at);
  const later = before ? `, ${length(at - Date.parse(before.at))} later` : "";
  const words: Record<LifeEvent["kind"], string> = {
    pending: `${symbol} was found and shown as pending`,
    confirmed: "The market agreed: confirmed",
    invalidated: `Invalidated: ${CAUSES[event.cause ?? ""] ?? event.cause ?? "the market disagreed"}`,
    outcome: ENDS[event.cause ?? ""] ?? event.cause ?? "",
  };
  const told = words[event.kind];
  return (
    <li class={event.kind}>
      <b>{told.charAt(0).toUpperCase() + told.slice(1)}</b>
      {event.price !== undefined && event.price !== null && <> at {shown(event.price, digits)}</>}{event.r !== undefined && event.r !== null && <>, <span class={event.r < 0 ? "bad" : "good"}>{inR(event.r)}</span></>}
      <br /><span class="quiet small">{both(at)}{later}{event.seq === undefined ? "" : `, event ${event.seq}`}</span>
      <span class="hidden">{newYorkSeconds(at)}</span>
    </li>
  );
}
