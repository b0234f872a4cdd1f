// A series over time by uPlot, in the page's colours, with vertical lines where something changed.

import "uplot/dist/uPlot.min.css";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { clock, date, dateYear } from "../format/time";
import { theme } from "../state/settings";
import { use } from "../state/store";

export interface Line { name: string; values: (number | null)[]; colour: string; fill?: boolean; digits?: number }
const DAY_S = 86_400;
interface Options { times: number[]; lines: Line[]; height: number; unit: string; marks?: { at: number; what: string }[]; label: string }

const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Plot(options: Options) {
  const box = useRef<HTMLDivElement>(null);
  use(theme);
  const dark = document.documentElement.dataset["theme"] ?? "system";
  useEffect(() => {
    const { current } = box;
    if (!current) return;
    const plot = new uPlot(asked(options, current.clientWidth), [options.times, ...options.lines.map((line) => line.values)], current);
    const watcher = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height: options.height }));
    watcher.observe(current);
    return () => { watcher.disconnect(); plot.destroy(); };
  }, [options.times, options.lines.length, dark]);
  return <div ref={box} class="plot" role="img" aria-label={options.label} />;
}

function asked({ lines, height, unit, marks }: Options, width: number): uPlot.Options {
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "11px system-ui" };
  return {
    width, height,
    legend: { live: true },
    cursor: { points: { size: 5 } },
    axes: [{ ...axis, values: (plot, splits) => { const wide = (plot.scales["x"]?.max ?? 0) - (plot.scales["x"]?.min ?? 0) > 2 * DAY_S; return splits.map((at) => (wide ? date(at * 1000) : clock(at * 1000))); } }, { ...axis, size: 52, space: 20, values: (_, values) => values.map((value) => `${String(value).replace("-", "\u2212")} ${unit}`) }],
    series: [{ label: "Ended", value: (_, at) => (at === null || at === undefined ? "\u2013" : `${dateYear(at * 1000)} ${clock(at * 1000)}`) }, ...lines.map((line): uPlot.Series => ({
      label: line.name, stroke: colour(line.colour), width: 1.5, points: { show: false },
      ...(line.fill ? { fill: `color-mix(in srgb, ${colour(line.colour)} 25%, transparent)` } : {}),
      value: (_, value) => (value === null || value === undefined ? "\u2013" : `${value.toFixed(line.digits ?? 2)} ${unit}`),
    }))],
    hooks: { draw: [(plot) => drawMarks(plot, marks ?? [])] },
  };
}

function drawMarks(plot: uPlot, marks: { at: number; what: string }[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour("--wait");
  ctx.fillStyle = colour("--wait");
  ctx.font = `${11 * devicePixelRatio}px system-ui`;
  ctx.setLineDash([4, 4]);
  let last = -Infinity;
  for (const mark of marks) {
    const x = plot.valToPos(mark.at / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    // Names that would lie over each other are left to the list below.
    if (x - last > 120 * devicePixelRatio) {
      ctx.fillText(mark.what, x + 4, bbox.top + 12 * devicePixelRatio);
      last = x;
    }
  }
  ctx.restore();
}
