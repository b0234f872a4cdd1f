// Candles by TradingView's lightweight-charts, in the page's colours and the viewer's time.

import { CandlestickSeries, ColorType, type IChartApi, type ISeriesApi, type LogicalRange, TickMarkType, type UTCTimestamp, createChart } from "lightweight-charts";
import { clock, date, moment, newYork } from "../format/time";
import type { Bar } from "../state/chart";
import { type Scene, Shapes } from "./shapes";

const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const candle = ([open, o, h, l, c]: readonly number[]) => ({ time: ((open ?? 0) / 1000) as UTCTimestamp, open: o ?? 0, high: h ?? 0, low: l ?? 0, close: c ?? 0 });

export class Candles {
  private readonly chart: IChartApi;
  private readonly series: ISeriesApi<"Candlestick">;
  private readonly shapes = new Shapes();
  private bars: Bar[] = [];
  private isSilent = false;

  constructor(box: HTMLElement, digits: number) {
    this.chart = createChart(box, {
      autoSize: true,
      // The mark it would put here brings a style element, which the page's policy forbids: the page names TradingView itself.
      layout: { attributionLogo: false, fontSize: 11, fontFamily: "system-ui, sans-serif" },
      timeScale: {
        timeVisible: true, secondsVisible: false, rightOffset: 6,
        tickMarkFormatter: (time: unknown, kind: TickMarkType) => (kind === TickMarkType.Time || kind === TickMarkType.TimeWithSeconds ? clock((time as number) * 1000) : date((time as number) * 1000)),
      },
      localization: { timeFormatter: (time: unknown) => `${moment((time as number) * 1000, 0)} \u00b7 ${newYork((time as number) * 1000)} New York` },
      crosshair: { mode: 0 },
    });
    this.series = this.chart.addSeries(CandlestickSeries, { priceFormat: { type: "price", precision: digits, minMove: 10 ** -digits } });
    this.series.attachPrimitive(this.shapes);
    this.paint();
  }

  /** The colours of the page as it is now. */
  paint(): void {
    const [text, line, good, bad] = ["--quiet", "--line", "--good", "--bad"].map(colour);
    this.chart.applyOptions({
      layout: { background: { type: ColorType.Solid, color: colour("--card") }, textColor: text ?? "" },
      grid: { vertLines: { color: line ?? "", style: 1 }, horzLines: { color: line ?? "", style: 1 } },
      rightPriceScale: { borderColor: line ?? "" }, timeScale: { borderColor: line ?? "" },
    });
    this.series.applyOptions({ upColor: good ?? "", downColor: bad ?? "", wickUpColor: good ?? "", wickDownColor: bad ?? "", borderVisible: false });
  }

  /** Shows a scene; where its first bar is an earlier one than before, the view stays on what it showed. */
  show(scene: Scene): void {
    const added = this.bars.length === 0 ? 0 : scene.bars.findIndex((bar) => bar[0] === this.bars[0]?.[0]);
    const view = this.chart.timeScale().getVisibleLogicalRange();
    this.bars = scene.bars;
    this.isSilent = true;
    this.series.setData(scene.bars.map(candle));
    this.shapes.show(scene);
    if (added > 0 && view) this.chart.timeScale().setVisibleLogicalRange({ from: view.from + added, to: view.to + added });
    this.isSilent = false;
  }

  /** The bar that is not closed yet. */
  form(bar: readonly number[]): void {
    const last = this.bars.at(-1);
    if (last === undefined || (bar[0] ?? 0) < last[0]) return;
    this.series.update(candle(bar));
  }

  /** The newest bars, as many as fit a glance. */
  showEnd(count: number): void {
    const end = this.bars.length;
    this.chart.timeScale().setVisibleLogicalRange({ from: end - count, to: end + 6 });
  }

  moved(tell: (range: LogicalRange) => void): void {
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => { if (range && !this.isSilent) tell(range); });
  }

  view(range: LogicalRange): void {
    const had = this.chart.timeScale().getVisibleLogicalRange();
    if (had && Math.abs(had.from - range.from) < 0.01 && Math.abs(had.to - range.to) < 0.01) return;
    this.chart.timeScale().setVisibleLogicalRange(range);
  }

  remove(): void {
    this.chart.remove();
  }
}
