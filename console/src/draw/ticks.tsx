// Bid and ask of the seconds before a decision, with the levels that were near.

import { price as shown } from "../format/number";
import { clockSeconds } from "../format/time";
import type { SignalItem } from "../net/wire";

const WIDTH = 900;
const HEIGHT = 200;
const RIGHT = 130;

type Tick = [time: number | string, bid: number, ask: number];

export function Ticks({ items, signal, digits }: { items: Tick[]; signal: SignalItem; digits: number }) {
  const times = items.map(([time]) => (typeof time === "number" ? time : Date.parse(time)));
  const [first = 0, last = 1] = [times[0], times.at(-1)];
  const prices = items.flatMap(([, bid, ask]) => [bid, ask]);
  const [least, most] = [Math.min(...prices), Math.max(...prices)];
  const room = (most - least) * 0.6 || 10 ** -digits;
  const levels: [string, number, string][] = [["entry", signal.entry_price, "text"], ["stop", signal.stop_loss, "bad"], ...signal.take_profits.map((price, place): [string, number, string] => [`TP${place + 1}`, price, "good"])];
  const near = levels.filter(([, price]) => price > least - room && price < most + room);
  const low = Math.min(least, ...near.map(([, price]) => price));
  const high = Math.max(most, ...near.map(([, price]) => price));
  const x = (ms: number) => ((ms - first) / Math.max(1, last - first)) * (WIDTH - RIGHT);
  const y = (price: number) => 10 + (1 - (price - low) / (high - low || 1)) * (HEIGHT - 30);
  const line = (of: (tick: Tick) => number) => items.map((tick, place) => `${place === 0 ? "M" : "H"}${x(times[place] ?? 0).toFixed(1)}${place === 0 ? "," : "V"}${y(of(tick)).toFixed(1)}`).join("");
  return (
    <>
      <svg class="ticks" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${items.length} ticks, bid ${shown(items.at(-1)?.[1] ?? 0, digits)} at the end`}>
        {near.map(([name, price, tone]) => <g key={name} class={`level ${tone}`}><line x1="0" x2={WIDTH - RIGHT} y1={y(price)} y2={y(price)} /><text x={WIDTH - RIGHT + 4} y={y(price) + 4}>{name} {shown(price, digits)}</text></g>)}
        <path class="ask" d={line(([, , ask]) => ask)} /><path class="bid" d={line(([, bid]) => bid)} />
        <text x="0" y={HEIGHT - 3}>{clockSeconds(first)}</text><text x={WIDTH - RIGHT} y={HEIGHT - 3} text-anchor="end">{clockSeconds(last)}</text>
      </svg>
      <p class="quiet small">The {items.length} ticks of the last {Math.round((last - first) / 1000)} s before its verdict; the upper line is the ask, the lower the bid. The last: bid {shown(items.at(-1)?.[1] ?? 0, digits)}, ask {shown(items.at(-1)?.[2] ?? 0, digits)}.</p>
    </>
  );
}
