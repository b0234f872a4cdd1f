// What is drawn over candles: killzones, zones, levels, swings, breaks and signals, each from when it was known.

import type { ISeriesPrimitive, ISeriesApi, IChartApi, Logical, Time, SeriesAttachedParameter } from "lightweight-charts";
import { type Bar, type Mark, type Zone, barAt, msOf } from "../state/chart";
import { rOf } from "../state/signals";
import type { SignalItem } from "../net/wire";

export type Layer = "killzones" | "gaps" | "blocks" | "swings" | "breaks" | "pools" | "signals";
export const LAYERS: Layer[] = ["signals", "breaks", "blocks", "gaps", "swings", "pools", "killzones"];

export interface Scene {
  bars: Bar[]; marks: Mark[]; signals: SignalItem[]; killzones: Zone[]; layers: Set<Layer>;
  /** As most indicators draw it: at its place from the beginning, as if it had been known there. */
  isPainted: boolean;
  /** The end of what is known. */
  at: number;
}

const ZONE_NAMES: Record<string, string> = { asia: "Asia", london: "London", ny_am: "NY am", lunch: "lunch", pm: "NY pm" };
const POOL_NAMES: Record<string, string> = { pool_day: "day", pool_week: "week", pool_session: "session", equal: "equal" };

/** The day's parts follow each other without a gap: those in which most happens stand out, the others have a border. */
const SHADES: Record<string, number> = { london: 0.1, ny_am: 0.1, asia: 0.04 };

/** The height of a written line. */
const LINE = 12;

type Context = CanvasRenderingContext2D;

export class Shapes implements ISeriesPrimitive<Time> {
  private chart: IChartApi | undefined;
  private series: ISeriesApi<"Candlestick"> | undefined;
  private request: (() => void) | undefined;
  private scene: Scene | undefined;
  private colours = new Map<string, string>();
  /** Where something is written already. */
  private written: { left: number; right: number; y: number }[] = [];

  attached({ chart, series, requestUpdate }: SeriesAttachedParameter<Time>): void {
    this.chart = chart as IChartApi;
    this.series = series as ISeriesApi<"Candlestick">;
    this.request = requestUpdate;
  }

  show(scene: Scene): void {
    this.scene = scene;
    this.colours.clear();
    this.request?.();
  }

  paneViews() {
    return [
      { zOrder: () => "bottom" as const, renderer: () => ({ draw: (target: Target) => this.under(target) }) },
      { zOrder: () => "top" as const, renderer: () => ({ draw: (target: Target) => this.over(target) }) },
    ];
  }

  private colour(name: string): string {
    let value = this.colours.get(name);
    if (value === undefined) {
      value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
      this.colours.set(name, value);
    }
    return value;
  }

  private tone(mark: { direction: string }): string {
    return this.colour(mark.direction === "long" ? "--good" : "--bad");
  }

  /** Where a moment lies across: between two bars in proportion, and beyond the last at the bars' own pace. */
  private x(ms: number): number | undefined {
    const { bars } = this.scene ?? { bars: [] };
    const place = barAt(bars, ms);
    const [first, last] = [bars[0]?.[0], bars.at(-1)?.[0]];
    if (first === undefined || last === undefined) return undefined;
    const here = bars[Math.max(0, place)]?.[0] ?? first;
    const pace = this.pace();
    const next = bars[place + 1]?.[0];
    const share = place < 0 ? Math.max(-1, (ms - first) / pace) : Math.min((ms - here) / Math.max(pace, next === undefined ? pace : next - here), next === undefined ? 1000 : 1);
    return this.across(Math.max(0, place) + share);
  }

  /** The library knows whole places only. */
  private across(place: number): number | undefined {
    const whole = Math.floor(place);
    const [here, next] = [whole, whole + 1].map((each) => this.chart?.timeScale().logicalToCoordinate(each as Logical) ?? undefined);
    return here === undefined || next === undefined ? undefined : here + (next - here) * (place - whole);
  }

  private pace(): number {
    const { bars } = this.scene ?? { bars: [] };
    const steps = bars.slice(-20).map((bar, place, all) => bar[0] - (all[place - 1]?.[0] ?? -Infinity)).filter(Number.isFinite);
    return steps.length === 0 ? 60_000 : Math.min(...steps);
  }

  private y(price: number): number | undefined {
    return this.series?.priceToCoordinate(price) ?? undefined;
  }

  private under(target: Target): void {
    const { scene } = this;
    if (!scene) return;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      if (scene.layers.has("killzones")) for (const zone of scene.killzones) this.killzone(context, zone, mediaSize.height);
      for (const mark of scene.marks) {
        if ((mark.kind === "gap" && scene.layers.has("gaps")) || (mark.kind === "block" && scene.layers.has("blocks"))) this.zone(context, mark, mediaSize.width);
      }
    });
  }

  private over(target: Target): void {
    const { scene } = this;
    if (!scene) return;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      context.font = "10px system-ui";
      context.textBaseline = "middle";
      this.written = [];
      // What was traded is named first, the newest before all.
      if (scene.layers.has("signals")) for (const signal of newestFirst(scene.signals)) this.signal(context, signal, mediaSize.width);
      for (const mark of scene.marks) this.level(context, mark, mediaSize.width);
    });
  }

  private killzone(context: Context, zone: Zone, height: number): void {
    const [from, to] = [this.x(msOf(zone.from)), this.x(Math.min(msOf(zone.to), this.scene?.at ?? Infinity))];
    if (from === undefined || to === undefined || to <= from) return;
    context.fillStyle = this.colour("--quiet");
    context.globalAlpha = SHADES[zone.name] ?? 0;
    context.fillRect(from, 0, to - from, height);
    context.globalAlpha = 0.25;
    context.fillRect(from, 0, 1, height);
    context.globalAlpha = 0.8;
    context.font = "10px system-ui";
    if (to - from > 34) context.fillText(ZONE_NAMES[zone.name] ?? zone.name, from + 3, height - 8);
    context.globalAlpha = 1;
  }

  /** A thing ends where something ended it; else it goes on. */
  private end(mark: Mark, width: number): number {
    const over = mark.events.findLast((event) => event.what !== "touched");
    return Math.min(width, (over === undefined ? width : this.x(over.at)) ?? width);
  }

  private zone(context: Context, mark: Mark, width: number): void {
    const lies = this.x(mark.lies.from);
    const known = this.scene?.isPainted ? lies : this.x(mark.known);
    const [top, bottom] = [this.y(mark.lies.top), this.y(mark.lies.bottom)];
    if (lies === undefined || known === undefined || top === undefined || bottom === undefined) return;
    const end = Math.max(known, this.end(mark, width));
    const isOver = mark.state !== "live" && mark.state !== "touched";
    const height = Math.max(1, bottom - top);
    context.fillStyle = context.strokeStyle = this.tone(mark);
    context.globalAlpha = (mark.kind === "block" ? 0.2 : 0.13) * (isOver ? 0.6 : 1);
    context.fillRect(known, top, end - known, height);
    context.globalAlpha = isOver ? 0.35 : 0.6;
    // Where it lies before it was known is only outlined.
    if (known > lies) {
      context.setLineDash([2, 3]);
      context.strokeRect(lies, top, known - lies, height);
      context.setLineDash([]);
    }
    if (mark.kind === "block") context.strokeRect(known, top, end - known, height);
    context.globalAlpha = 1;
  }

  private level(context: Context, mark: Mark, width: number): void {
    const layers = this.scene?.layers ?? new Set();
    switch (mark.kind) {
      case "gap": case "block": return;
      case "swing": case "major_swing": if (layers.has("swings")) this.swing(context, mark); return;
      case "break": if (layers.has("breaks")) this.line(context, mark, width, mark.about?.mss ? "MSS" : "BOS"); return;
      case "equal": case "pool_day": case "pool_week": case "pool_session": if (layers.has("pools")) this.line(context, mark, width, POOL_NAMES[mark.kind] ?? ""); return;
      case "sweep": case "run": if (layers.has("pools")) this.cross(context, mark); return;
    }
  }

  private swing(context: Context, mark: Mark): void {
    const [x, y, known] = [this.x(mark.lies.from), this.y(mark.lies.top), this.x(mark.known)];
    if (x === undefined || y === undefined || known === undefined) return;
    const size = mark.kind === "major_swing" ? 5 : 3.5;
    // The side of a swing: `long` is a high, above the bar.
    const away = mark.direction === "long" ? -1 : 1;
    context.fillStyle = context.strokeStyle = this.colour(mark.direction === "long" ? "--bad" : "--good");
    context.beginPath();
    context.moveTo(x, y + away * 3);
    context.lineTo(x - size, y + away * (3 + size * 1.5));
    context.lineTo(x + size, y + away * (3 + size * 1.5));
    context.closePath();
    if (this.scene?.isPainted) context.fill();
    else {
      context.globalAlpha = 0.9;
      context.stroke();
      context.fillRect(known - 1.5, y + away * (3 + size) - 1.5, 3, 3);
      context.globalAlpha = 1;
    }
  }

  private line(context: Context, mark: Mark, width: number, name: string): void {
    const [from, y] = [this.x(mark.lies.from), this.y(mark.lies.top)];
    const known = this.scene?.isPainted ? from : this.x(mark.known);
    if (from === undefined || y === undefined || known === undefined) return;
    const isBreak = mark.kind === "break";
    const end = isBreak ? Math.max(known, mark.lies.to === null ? known : this.x(mark.lies.to) ?? known) : this.end(mark, width);
    context.strokeStyle = context.fillStyle = isBreak ? this.tone(mark) : this.colour("--wait");
    context.globalAlpha = mark.state === "live" || isBreak ? 0.9 : 0.45;
    stroke(context, from, known, y, [2, 3]);
    stroke(context, known, Math.max(known, end), y, isBreak ? [] : [6, 3]);
    this.write(context, name, isBreak ? (from + end) / 2 - 10 : Math.min(end, width) - 40, y - 6, width);
    context.globalAlpha = 1;
  }

  private cross(context: Context, mark: Mark): void {
    const [x, y] = [this.x(this.scene?.isPainted ? mark.lies.from : mark.known), this.y(mark.lies.top)];
    if (x === undefined || y === undefined) return;
    context.strokeStyle = this.colour("--wait");
    context.beginPath();
    for (const way of [-1, 1]) {
      context.moveTo(x - 3, y - 3 * way);
      context.lineTo(x + 3, y + 3 * way);
    }
    context.stroke();
  }

  private signal(context: Context, signal: SignalItem, width: number): void {
    const from = this.x(Date.parse(signal.born ?? signal.entry_time));
    const ended = signal.outcome && (signal.outcome.ext?.last ?? signal.outcome.last ?? true) ? signal.outcome.at : undefined;
    const over = signal.status === "invalidated" ? signal.decided : ended;
    const to = over ? this.x(Date.parse(over)) : Math.min(width, this.x(this.scene?.at ?? Infinity) ?? width);
    const [entry, stop, last] = [this.y(signal.entry_price), this.y(signal.stop_loss), this.y(signal.take_profits.at(-1) ?? signal.entry_price)];
    if (from === undefined || to === undefined || entry === undefined || stop === undefined || last === undefined) return;
    const wide = Math.max(6, to - from);
    const faint = signal.status === "confirmed" ? 1 : 0.45;
    context.globalAlpha = 0.17 * faint;
    context.fillStyle = this.colour("--bad");
    context.fillRect(from, Math.min(entry, stop), wide, Math.abs(stop - entry));
    context.fillStyle = this.colour("--good");
    context.fillRect(from, Math.min(entry, last), wide, Math.abs(last - entry));
    context.globalAlpha = faint;
    this.rung(context, from, from + wide, entry, "--text");
    this.rung(context, from, from + wide, stop, "--bad");
    for (const target of signal.take_profits) this.rung(context, from, from + wide, this.y(target), "--good");
    context.fillStyle = this.colour("--text");
    context.font = "600 11px system-ui";
    // Many signals that came to nothing would write over each other.
    if (signal.status !== "invalidated" || wide > 60) this.write(context, caption(signal), from + 3, Math.min(entry, stop, last) - 8, width);
    context.font = "10px system-ui";
    context.globalAlpha = 1;
  }

  /** Writes where nothing is written yet: at its place, or a line or two above it; else nowhere. */
  private write(context: Context, text: string, x: number, y: number, width: number): void {
    const long = context.measureText(text).width;
    const left = Math.max(2, Math.min(x, width - long - 2));
    const isFree = (at: number) => this.written.every((other) => Math.abs(other.y - at) >= LINE || other.right < left || other.left > left + long);
    const free = [y, y - LINE, y - 2 * LINE].map((at) => Math.max(at, LINE / 2)).find(isFree);
    if (x > width || x + long < 0 || free === undefined) return;
    this.written.push({ left, right: left + long + 4, y: free });
    context.fillText(text, left, free);
  }

  private rung(context: Context, from: number, to: number, y: number | undefined, colour: string): void {
    if (y === undefined) return;
    context.strokeStyle = this.colour(colour);
    stroke(context, from, to, y, []);
  }
}

function newestFirst(signals: SignalItem[]): SignalItem[] {
  return [...signals].sort((a, b) => Date.parse(b.entry_time) - Date.parse(a.entry_time));
}

/** Long or short, and what became of it. */
export function caption(signal: SignalItem): string {
  const arrow = signal.direction === "long" ? "\u25b2" : "\u25bc";
  if (signal.status === "pending") return `${arrow} pending`;
  if (signal.status === "invalidated") return `${arrow} no trade`;
  const { outcome } = signal;
  if (!outcome) return `${arrow} running`;
  const result = outcome.ext?.realised_r ?? outcome.realised_r ?? outcome.r ?? rOf(signal, outcome.price);
  return `${arrow} ${outcome.event} ${result < 0 ? "\u2212" : "+"}${Math.abs(result).toFixed(2)} R`;
}

function stroke(context: Context, from: number, to: number, y: number, dash: number[]): void {
  if (to <= from) return;
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(from, y);
  context.lineTo(to, y);
  context.stroke();
  context.setLineDash([]);
}

interface Target {
  useMediaCoordinateSpace(draw: (scope: { context: CanvasRenderingContext2D; mediaSize: { width: number; height: number } }) => void): void;
}
