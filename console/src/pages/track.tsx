// What became of all confirmed signals, and whether that is more than chance.

import { useEffect, useMemo, useState } from "preact/hooks";
import { Plot } from "../draw/plot";
import { Reliability } from "../draw/reliability";
import { inR, percent, signed } from "../format/number";
import { dateYear, length } from "../format/time";
import { CAUSES, killzone, setup } from "../format/words";
import { Refused } from "../net/rest";
import { Heatmap } from "../parts/heatmap";
import { Failed } from "../parts/failed";
import { type Ended, type Figures, type TrackRecord as Record_, type WouldHave, changes, equity, loadEnded, loadRecord } from "../state/record";

const REFRESH_MS = 60_000;

export function TrackRecord() {
  const [record, setRecord] = useState<Record_>();
  const [ended, setEnded] = useState<{ items: Ended[]; isWhole: boolean }>();
  const [failed, setFailed] = useState<Refused>();
  useEffect(() => {
    const load = () => loadRecord().then((told) => { setRecord(told); setFailed(undefined); }, (error: unknown) => setFailed(error instanceof Refused ? error : undefined));
    const loadAll = () => loadEnded().then(setEnded, () => undefined);
    void load();
    void loadAll();
    const timer = setInterval(() => { void load(); void loadAll(); }, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  if (!record) return failed ? <Failed what="The track record" why={failed} /> : <p class="pad quiet" role="status">Reading the journal.</p>;
  return <Shown record={record} ended={ended} />;
}

function Shown({ record, ended }: { record: Record_; ended: { items: Ended[]; isWhole: boolean } | undefined }) {
  const items = useMemo(() => (ended?.items ?? []).filter((item) => item.r !== null && item.own !== false && !item.by_bars), [ended]);
  const curve = useMemo(() => equity(items), [items]);
  const marks = useMemo(() => changes(record, items).filter((mark) => mark.at / 1000 >= (curve.times[0] ?? Infinity)), [record, items, curve]);
  const { all } = record;
  return (
    <div class="pad track-record">
      <Verdict all={all} record={record} deepest={items.length > 0 ? curve.deepest : undefined} days={span(curve.times)} />
      {items.length > 1 && (
        <section class="panel">
          <h2>Equity, in multiples of the risk</h2>
          <p class="quiet small">Every confirmed signal that has ended, taken with the same risk, one after the other; the spread is paid, and slippage and commission where they are set. A loss may be larger than 1 R: a stop is filled at the first price beyond it.
            {ended && !ended.isWhole && " Only the oldest part is drawn."}</p>
          <Plot label={`Equity in R, ${inR(curve.sums.at(-1) ?? 0)} after ${items.length} trades`} times={curve.times} height={230} unit="R" marks={marks}
            lines={[{ name: "Sum", values: curve.sums, colour: "--link" }]} />
          <h3>Drawdown</h3>
          <Plot label={`Drawdown in R, ${inR(curve.deepest)} at its deepest`} times={curve.times} height={120} unit="R" marks={marks}
            lines={[{ name: "Below its best", values: curve.falls, colour: "--bad", fill: true }]} />
          {marks.length > 0 && <p class="quiet small">Vertical lines: {marks.slice(0, 12).map((mark) => `${mark.what} (${dateYear(mark.at)})`).join(", ")}.</p>}
        </section>
      )}
      <div class="two">
        <section class="panel">
          <h2>When it said so sure, how often was it right?</h2>
          <p class="quiet small">Each dot is a group of signals with about the same confidence: on the line it was right as often as it said. The bars are 95 % intervals.</p>
          <Reliability bins={all?.reliability ?? []} items={items} />
        </section>
        <section class="panel">
          <h2>By month</h2>
          <Heatmap items={items} />
        </section>
      </div>
      {(["setup", "symbol", "killzone", "source"] as const).map((by) => <Groups key={by} by={by} groups={record.by[by] ?? {}} />)}
      <Unconfirmed causes={record.would_have["ticks"] ?? {}} />
      <p class="quiet small">{record.note.replaceAll("`", "")}</p>
    </div>
  );
}

/** The one sentence, and the rule it follows. */
function judge(all: Figures | null): { word: string; tone: string; why: string } {
  if (!all || all.rate === undefined || !all.interval) {
    const n = all?.n ?? 0;
    return { word: "Too early to say", tone: "wait", why: `${n} signals have ended; below ${all?.least ?? 50} nothing is claimed.` };
  }
  const mean = all.net?.mean ?? all.r?.mean ?? 0;
  const { odds } = all;
  const chance = odds === null || odds === undefined ? undefined : odds;
  const rate = `${percent(all.rate, 1)} of ${all.n} reached TP1 first (95 % interval ${percent(all.interval[0], 1)} to ${percent(all.interval[1], 1)})`;
  if (chance === undefined) return { word: "Not measured against chance", tone: "wait", why: `${rate}, but the odds of chance are not known.` };
  const against = `${rate}; a price that moves at random would give ${percent(chance, 1)}.`;
  if (all.interval[0] > chance && mean > 0) return { word: "An edge, so far", tone: "good", why: `${against} The whole interval lies above chance, and a trade brought ${inR(mean)} on average.` };
  if (all.interval[1] < chance) return { word: "Worse than chance", tone: "bad", why: `${against} The whole interval lies below chance.` };
  return { word: "No edge shown", tone: mean < 0 ? "bad" : "wait", why: `${against} Chance lies within the interval, and a trade brought ${inR(mean)} on average: ${mean < 0 ? "following these signals lost" : "nothing here speaks for following these signals yet"}.` };
}

/** From the first end to the last, in words. */
function span(times: number[]): string {
  const [first, last] = [times[0], times.at(-1)];
  return first === undefined || last === undefined || first === last ? "" : `, ${dateYear(first * 1000)} to ${dateYear(last * 1000)} (${length((last - first) * 1000)})`;
}

function Verdict({ all, record, deepest, days }: { all: Figures | null; record: Record_; deepest: number | undefined; days: string }) {
  const { word, tone, why } = judge(all);
  const { signals } = record;
  const cells: [string, string, string?][] = [
    ["Trades that ended", String(all?.n ?? 0), `${signals.born} found, ${signals.invalidated} not confirmed, ${signals.running} running`],
    ["TP1 before stop", all?.rate === undefined ? "\u2013" : percent(all.rate, 1), all?.interval ? `${percent(all.interval[0], 1)} to ${percent(all.interval[1], 1)}` : "too few"],
    ["Chance alone", all?.odds === null || all?.odds === undefined ? "\u2013" : percent(all.odds, 1), all?.edge === null || all?.edge === undefined ? "" : `edge ${signed(all.edge * 100, 1)} points`],
    ["Per trade, net", all?.net?.mean === null || all?.net?.mean === undefined ? "\u2013" : inR(all.net.mean), all?.net && all.net.n < all.n ? `costs known of ${all.net.n}` : "after costs"],
    ["In all", all?.net ? inR(all.net.sum, 1) : "\u2013", all?.r ? all.net?.sum === all.r.sum ? "no slippage, no commission set" : `${inR(all.r.sum, 1)} before costs` : ""],
    ["Deepest fall", deepest === undefined ? "\u2013" : inR(deepest, 1), "from the best before it"],
  ];
  return (
    <section class="verdict">
      <p class="quiet small">Track record of {record.market}{record.simulated ? ", a simulated market" : ""}{days}: is this worth following?</p>
      <h1 class={tone}>{word}.</h1>
      <p>{why}</p>
      <dl class="cells">{cells.map(([name, value, beside]) => <div key={name}><dt>{name}</dt><dd>{value}<small>{beside}</small></dd></div>)}</dl>
    </section>
  );
}

const NAMES = { setup: "By setup", symbol: "By symbol", killzone: "By killzone", source: "By source" } as const;
const named = (by: keyof typeof NAMES, name: string) => (by === "setup" ? setup(name) : by === "killzone" ? killzone(name) : name);

function Groups({ by, groups }: { by: keyof typeof NAMES; groups: Record<string, Figures> }) {
  const rows = Object.entries(groups).sort(([, a], [, b]) => b.n - a.n);
  if (rows.length === 0) return null;
  return (
    <section class="panel">
      <h2>{NAMES[by]}</h2>
      <div class="scroll" tabIndex={0}>
        <table class="figures fixed">
          <thead><tr><th scope="col">{by}</th><th scope="col">ended</th><th scope="col">TP1 first</th><th scope="col" class="wide">95 % interval, and chance</th><th scope="col">chance</th><th scope="col">per trade</th><th scope="col">net</th><th scope="col">in all</th></tr></thead>
          <tbody>{rows.map(([name, figures]) => (
            <tr key={name}>
              <th scope="row">{named(by, name)}</th>
              <td>{figures.n}</td>
              {figures.rate === undefined || !figures.interval
                ? <td colSpan={6} class="quiet few">{figures.hits} hits; below {figures.least ?? 50} nothing is claimed</td>
                : <><td>{percent(figures.rate)}</td><td class="wide"><Interval rate={figures.rate} interval={figures.interval} odds={figures.odds} /></td><td class="quiet">{figures.odds === null || figures.odds === undefined ? "\u2013" : percent(figures.odds)}</td>
                  <td>{asR(figures.r?.mean)}</td><td class={tone(figures.net?.mean)}>{asR(figures.net?.mean)}</td><td>{asR(figures.net?.sum, 1)}</td></>}
            </tr>))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const asR = (value: number | null | undefined, digits = 2) => (value === null || value === undefined ? "\u2013" : inR(value, digits));
const tone = (value: number | null | undefined) => (value === null || value === undefined || value === 0 ? "" : value < 0 ? "bad" : "good");

function Interval({ rate, interval: [low, high], odds }: { rate: number; interval: [number, number]; odds: number | null | undefined }) {
  return (
    <svg class="range" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={`${percent(low)} to ${percent(high)}`}>
      <rect class="scale" x="0" y="4" width="100" height="2" />
      <rect class="interval" x={low * 100} y="3" width={(high - low) * 100} height="4" />
      {odds !== null && odds !== undefined && <rect class="odds" x={odds * 100 - 0.4} y="0" width="0.8" height="10" />}
      <rect class="at" x={rate * 100 - 0.5} y="1" width="1" height="8" />
    </svg>
  );
}

function Unconfirmed({ causes }: { causes: Record<string, WouldHave> }) {
  const rows = Object.entries(causes).sort(([, a], [, b]) => b.n - a.n);
  if (rows.length === 0) return null;
  return (
    <section class="panel">
      <h2>What was not confirmed</h2>
      <p class="quiet small">What would have become of signals that ORION did not confirm, so that one sees what waiting for the market is worth. They are in none of the figures above.</p>
      <div class="scroll" tabIndex={0}>
        <table class="figures">
          <thead><tr><th scope="col">why not</th><th scope="col">signals</th><th scope="col">TP1 first</th><th scope="col">chance</th><th scope="col">per trade</th></tr></thead>
          <tbody>{rows.map(([cause, group]) => (
            <tr key={cause}><th scope="row">{CAUSES[cause] ?? cause}</th><td>{group.n}</td>
              {group.rate === undefined ? <td colSpan={3} class="quiet few">{group.hits} hits; too few</td> : <><td>{percent(group.rate)}</td><td class="quiet">{group.odds === null || group.odds === undefined ? "\u2013" : percent(group.odds)}</td><td>{asR(group.r)}</td></>}
            </tr>))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
