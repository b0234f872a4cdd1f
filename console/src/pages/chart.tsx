// Candles of a symbol with all that was known of them, now or at any past moment.

import type { LogicalRange } from "lightweight-charts";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Candles } from "../draw/candles";
import { LAYERS, type Layer, type Scene, caption } from "../draw/shapes";
import { percent, price as shown, signed } from "../format/number";
import { both, moment } from "../format/time";
import { killzone, setup } from "../format/words";
import { now } from "../net/clock";
import { Refused } from "../net/rest";
import { Failed } from "../parts/failed";
import { go, place } from "../router";
import { type Bar, type ChartAnswer, LENGTHS, TIMEFRAMES, closedBy, loadChart, loadEarlier, msOf } from "../state/chart";
import { RULE, type Rate, rates } from "../state/hindsight";
import { onBar, watchBars } from "../state/live";
import { inOrder, markets, useMarket } from "../state/markets";
import { theme } from "../state/settings";
import { use } from "../state/store";

const GLANCE = 140;
const LAYERS_NAME = "orion.layers";

function keptLayers(): Set<Layer> {
  const kept = localStorage.getItem(LAYERS_NAME)?.split(",") ?? LAYERS;
  return new Set(LAYERS.filter((layer) => kept.includes(layer)));
}

export function ChartPage() {
  const { path, query } = use(place);
  const all = use(markets);
  const [, , asked, tf = "5m"] = path.split("/");
  const symbol = asked ? decodeURIComponent(asked) : inOrder(all)[0]?.symbol;
  const told = query.get("at");
  const at = told === null ? undefined : /^\d+$/.test(told) ? Number(told) : Date.parse(told);
  if (symbol === undefined) return <p class="pad quiet" role="status">Waiting for the first price.</p>;
  return <Charted key={`${symbol}/${tf}`} symbol={symbol} timeframe={tf} at={at !== undefined && Number.isFinite(at) ? at : undefined} />;
}

const addressOf = (symbol: string, timeframe: string, at: number | undefined) =>
  `/chart/${encodeURIComponent(symbol)}/${timeframe}${at === undefined ? "" : `?at=${new Date(at).toISOString()}`}`;

function Charted({ symbol, timeframe, at }: { symbol: string; timeframe: string; at: number | undefined }) {
  const [answer, setAnswer] = useState<ChartAnswer>();
  const [earlier, setEarlier] = useState<Bar[]>([]);
  const [failed, setFailed] = useState<Refused>();
  const [layers, setLayers] = useState(keptLayers);
  const [isBeside, setBeside] = useState(false);
  const [reload, setReload] = useState(0);
  const [forming, setForming] = useState<readonly number[]>();
  const all = use(markets);

  useEffect(() => {
    const abort = new AbortController();
    loadChart(symbol, timeframe, at, abort.signal).then(
      (told) => { setAnswer(told); setFailed(undefined); },
      (error: unknown) => { if (error instanceof Refused) setFailed(error); });
    return () => abort.abort();
  }, [symbol, timeframe, at, reload]);

  useEffect(() => {
    setForming(undefined);
    if (at !== undefined) return;
    watchBars({ symbol, tf: timeframe });
    const stop = onBar((bar) => {
      if (bar.symbol !== symbol || bar.tf !== timeframe) return;
      if (bar.closed) setReload((count) => count + 1);
      else setForming([Date.parse(bar.open_time), bar.o, bar.h, bar.l, bar.c]);
    });
    return () => { stop(); watchBars(undefined); };
  }, [symbol, timeframe, at]);

  const bars = useMemo(() => {
    const first = answer?.bars[0]?.[0] ?? Infinity;
    return [...earlier.filter((bar) => bar[0] < first), ...(answer?.bars ?? [])];
  }, [answer, earlier]);

  const more = useRef({ isAsked: false, isOver: false });
  const loadMore = useCallback(() => {
    const first = bars[0]?.[0];
    if (first === undefined || more.current.isAsked || more.current.isOver) return;
    more.current.isAsked = true;
    loadEarlier(symbol, timeframe, first).then((told) => {
      more.current.isOver = !told.earlier || told.bars.length === 0;
      setEarlier((had) => [...told.bars.filter((bar) => bar[0] < first), ...had]);
    }, () => { more.current.isOver = true; }).finally(() => { more.current.isAsked = false; });
  }, [symbol, timeframe, bars]);

  const step = useCallback((count: number) => {
    const here = at === undefined ? bars.length - 1 : closedBy(bars, at);
    const next = bars[here + count];
    if (count > 0 && here + count >= bars.length) {
      // Beyond what is loaded: by the clock, and back to now at its end.
      const ahead = (at ?? now()) + count * (LENGTHS[timeframe] ?? 60_000);
      go(addressOf(symbol, timeframe, ahead < now() ? ahead : undefined), true);
    } else if (next) go(addressOf(symbol, timeframe, next[6]), true);
  }, [symbol, timeframe, at, bars]);

  // With the picture, not after it: a key means the bars that are seen.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      const { target } = event;
      if (event.ctrlKey || event.metaKey || event.altKey || target instanceof HTMLInputElement || target instanceof HTMLSelectElement || document.querySelector("dialog[open]")) return;
      const place = TIMEFRAMES.indexOf(timeframe as (typeof TIMEFRAMES)[number]);
      if (event.key === "ArrowLeft") step(event.shiftKey ? -10 : -1);
      else if (event.key === "ArrowRight") step(event.shiftKey ? 10 : 1);
      else if (event.key === "r") setBeside((is) => !is);
      else if (event.key === "[" || event.key === "]") go(addressOf(symbol, TIMEFRAMES[Math.min(TIMEFRAMES.length - 1, Math.max(0, place + (event.key === "]" ? 1 : -1)))] ?? "5m", at));
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [symbol, timeframe, at, step]);

  const known = at ?? (answer ? Math.max(msOf(answer.at), bars.at(-1)?.[6] ?? 0) : now());
  // Signals are the same in both pictures: there they would only hide what differs.
  const drawn = useMemo(() => (isBeside ? new Set([...layers].filter((layer) => layer !== "signals")) : layers), [layers, isBeside]);
  const scene = useMemo<Scene>(() => ({ bars, marks: answer?.marks ?? [], signals: answer?.signals ?? [], killzones: answer?.killzones ?? [], layers: drawn, isPainted: false, at: known }), [bars, answer, drawn, known]);
  const painted = useMemo(() => ({ ...scene, isPainted: true }), [scene]);
  const both_ = useMemo(() => (isBeside ? rates(bars, answer?.marks ?? []) : undefined), [isBeside, bars, answer]);
  const digits = answer?.digits ?? 2;

  const [range, setRange] = useState<LogicalRange>();
  const moved = useCallback((next: LogicalRange) => {
    setRange(next);
    if (next.from < 20) loadMore();
  }, [loadMore]);

  const toggle = (layer: Layer) => {
    const next = new Set(layers);
    if (!next.delete(layer)) next.add(layer);
    localStorage.setItem(LAYERS_NAME, [...next].join(","));
    setLayers(next);
  };

  return (
    <div class="pad chart-page">
      <h1 class="hidden">Chart of {symbol}, {timeframe}</h1>
      <div class="row chart-head">
        <label><span class="hidden">Symbol</span>
          <select value={symbol} onChange={(event) => go(addressOf(event.currentTarget.value, timeframe, at))}>
            {[...new Set([symbol, ...inOrder(all).map((each) => each.symbol)])].map((each) => <option key={each} value={each}>{each}</option>)}
          </select>
        </label>
        <span class="row tight" role="group" aria-label="Timeframe">{TIMEFRAMES.map((each) => <button key={each} type="button" aria-pressed={each === timeframe} onClick={() => go(addressOf(symbol, each, at))}>{each}</button>)}</span>
        {at === undefined && <HeadPrice symbol={symbol} digits={digits} />}
        <Travel symbol={symbol} timeframe={timeframe} at={at} step={step} />
        <button type="button" aria-pressed={isBeside} onClick={() => setBeside(!isBeside)} title="r">As most indicators draw it</button>
      </div>
      {at !== undefined && <p id="travelling" class="travel" role="status"><b>TIME TRAVEL</b> What ORION knew and said at {both(at)}. Nothing of later is on this chart. <button type="button" onClick={() => go(addressOf(symbol, timeframe, undefined))}>Back to now</button></p>}
      {failed && <Failed what={`The chart of ${symbol}`} why={failed} />}
      <div class="row tight layers small" role="group" aria-label="What is drawn">{LAYERS.map((layer) => <button key={layer} type="button" aria-pressed={drawn.has(layer)} disabled={isBeside && layer === "signals"} onClick={() => toggle(layer)}>{layer}</button>)}</div>
      <div class={`panes${isBeside ? " beside" : ""}`}>
        <figure>
          {isBeside && <figcaption><b>Honest</b>: each thing from when it was known <Share rate={both_?.honest} /></figcaption>}
          <Pane scene={scene} digits={digits} forming={forming} range={undefined} moved={moved} label={`Candles of ${symbol}, ${timeframe}, with what was known of them`} />
        </figure>
        {isBeside && (
          <figure class="painted">
            <figcaption><b>As most indicators draw it</b>: with hindsight <Share rate={both_?.drawn} /></figcaption>
            <Pane scene={painted} digits={digits} forming={forming} range={range} moved={undefined} label="The same, drawn with hindsight" />
          </figure>
        )}
      </div>
      {isBeside && <p class="small rule">{RULE} Both over the same marks of this chart, those whose trades have ended. The difference is hindsight: nobody could have entered there.</p>}
      <Said answer={answer} digits={digits} />
      <p class="quiet small">Dotted: where a thing lies before it was known; solid: from when it was known. Charts by <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer">TradingView</a> Lightweight Charts{"\u2122"}.</p>
    </div>
  );
}

function HeadPrice({ symbol, digits }: { symbol: string; digits: number }) {
  const price = useMarket(symbol)?.price;
  return price ? <span class="head-price"><b>{shown(price.price, digits)}</b> <span class={price.change < 0 ? "bad" : "good"}>{signed(price.change_percent, 2)} %</span></span> : null;
}

function Share({ rate }: { rate: Rate | undefined }) {
  if (!rate) return null;
  return <span class="share">{rate.n === 0 ? "no trades have ended" : <><b>{percent(rate.won / rate.n)}</b> won of {rate.n}</>}</span>;
}

function Travel({ symbol, timeframe, at, step }: { symbol: string; timeframe: string; at: number | undefined; step: (count: number) => void }) {
  const pick = (text: string) => {
    const ms = new Date(text).getTime();
    if (Number.isFinite(ms)) go(addressOf(symbol, timeframe, ms));
  };
  return (
    <span class="row tight travel-tools" role="group" aria-label="Time travel">
      <button type="button" onClick={() => step(-10)} aria-label="10 bars back" title="Shift \u2190">{"\u00ab"}</button>
      <button type="button" onClick={() => step(-1)} aria-label="One bar back" title="\u2190">{"\u2039"}</button>
      <label><span class="hidden">Moment, in your time zone</span><input type="datetime-local" step={1} value={localText(at ?? now())} onChange={(event) => pick(event.currentTarget.value)} /></label>
      <button type="button" onClick={() => step(1)} aria-label="One bar forth" title="\u2192">{"\u203a"}</button>
      <button type="button" onClick={() => step(10)} aria-label="10 bars forth" title="Shift \u2192">{"\u00bb"}</button>
    </span>
  );
}

/** As a `datetime-local` wants it: the viewer's own time. */
function localText(ms: number): string {
  const there = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return there.toISOString().slice(0, 19);
}

interface PaneOptions { scene: Scene; digits: number; forming: readonly number[] | undefined; range: LogicalRange | undefined; moved: ((range: LogicalRange) => void) | undefined; label: string }

function Pane({ scene, digits, forming, range, moved, label }: PaneOptions) {
  const box = useRef<HTMLDivElement>(null);
  const candles = useRef<Candles | undefined>(undefined);
  const tell = useRef(moved);
  tell.current = moved;
  const colours = use(theme);
  const isReady = scene.bars.length > 0;
  useEffect(() => {
    if (!box.current || !isReady) return;
    const made = new Candles(box.current, digits);
    candles.current = made;
    made.show(scene);
    made.showEnd(Math.min(GLANCE, Math.max(40, Math.floor(box.current.clientWidth / 8))));
    made.moved((next) => tell.current?.(next));
    return () => { made.remove(); candles.current = undefined; };
  }, [isReady, digits]);
  useEffect(() => { candles.current?.show(scene); if (forming) candles.current?.form(forming); }, [scene]);
  useEffect(() => { if (forming) candles.current?.form(forming); }, [forming]);
  useEffect(() => { candles.current?.paint(); candles.current?.show(scene); }, [colours]);
  useEffect(() => { if (range) candles.current?.view(range); }, [range, isReady]);
  return <div ref={box} class="pane" role="img" aria-label={label} data-bars={scene.bars.length} data-marks={scene.marks.length} data-last={scene.bars.at(-1)?.[0] ?? ""}>{!isReady && <p class="quiet pad" role="status">Waiting for bars.</p>}</div>;
}

/** The signals of the moment, in words. */
function Said({ answer, digits }: { answer: ChartAnswer | undefined; digits: number }) {
  const signals = [...(answer?.signals ?? [])].sort((a, b) => (a.entry_time < b.entry_time ? 1 : -1)).slice(0, 30);
  if (!answer) return null;
  return (
    <section class="panel">
      <h2>What ORION had said</h2>
      {signals.length === 0 ? <p class="quiet">No signal of {answer.symbol} on this chart.</p> : (
        <div class="scroll" tabIndex={0}>
          <table class="figures small">
            <thead><tr><th scope="col">signal</th><th scope="col">found</th><th scope="col">setup</th><th scope="col">entry</th><th scope="col">stop</th><th scope="col">sure</th><th scope="col">by then</th></tr></thead>
            <tbody>{signals.map((signal) => (
              <tr key={signal.id}>
                <th scope="row"><a href={`/signals/${signal.id}`} data-walk>{signal.direction}</a></th>
                <td>{moment(Date.parse(signal.entry_time), 0)}</td><td>{signal.ext.setup ? setup(signal.ext.setup) : ""} <span class="quiet">{killzone(signal.killzone)}</span></td>
                <td>{shown(signal.entry_price, digits)}</td><td>{shown(signal.stop_loss, digits)}</td><td>{percent(signal.confidence)}</td><td>{caption(signal).slice(2)}</td>
              </tr>))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
