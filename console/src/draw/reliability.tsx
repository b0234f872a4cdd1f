// Stated confidence against what came true, with counts and intervals; a group opens its signals.

import { useState } from "preact/hooks";
import { inR, percent } from "../format/number";
import { moment } from "../format/time";
import { setup } from "../format/words";
import { now } from "../net/clock";
import type { Bin, Ended } from "../state/record";

const SIZE = 300;
const EDGE = 34;
const TENTH = 0.1;

/** From one tenth to another, around all values. */
function span(values: number[]): { low: number; high: number; tenths: number[] } {
  const low = Math.floor(Math.min(...values) / TENTH) * TENTH;
  const high = Math.max(low + TENTH, Math.ceil(Math.max(...values) / TENTH) * TENTH);
  const count = Math.round((high - low) / TENTH);
  const step = count > 6 ? 2 : 1;
  return { low, high, tenths: Array.from({ length: Math.floor(count / step) + 1 }, (_, place) => low + place * step * TENTH) };
}

export function Reliability({ bins, items }: { bins: Bin[]; items: Ended[] }) {
  const [open, setOpen] = useState<number>();
  if (bins.length === 0) return <p class="none">Too few signals have ended.</p>;
  const most = Math.max(...bins.map((bin) => bin.n));
  const across = span(bins.map((bin) => bin.confidence));
  const along = span(bins.flatMap((bin) => [...bin.interval, bin.confidence]));
  const at = (share: number) => EDGE + ((share - across.low) / (across.high - across.low)) * (SIZE - EDGE - 16);
  const up = (share: number) => SIZE - EDGE - ((share - along.low) / (along.high - along.low)) * (SIZE - EDGE - 10);
  const inBin = open === undefined ? [] : membersOf(bins, items, open);
  return (
    <>
      <svg class="reliability" viewBox={`0 0 ${SIZE} ${SIZE}`} role="group" aria-label="Reliability diagram">
        {across.tenths.map((share) => <g key={share}><line class="grid" x1={at(share)} x2={at(share)} y1={up(along.low)} y2={up(along.high)} /><text x={at(share)} y={SIZE - 20} text-anchor="middle">{percent(share)}</text></g>)}
        {along.tenths.map((share) => <g key={share}><line class="grid" x1={EDGE} x2={SIZE - 16} y1={up(share)} y2={up(share)} /><text x={EDGE - 5} y={up(share) + 3} text-anchor="end">{percent(share)}</text></g>)}
        <text x={SIZE / 2} y={SIZE - 5} text-anchor="middle">said; upwards: came true</text>
        <line class="diagonal" x1={at(across.low)} y1={up(across.low)} x2={at(across.high)} y2={up(across.high)} />
        {bins.map((bin, place) => (
          <g key={place} class={`bin${open === place ? " open" : ""}`} role="button" tabindex={0} aria-pressed={open === place}
            aria-label={`said ${percent(bin.confidence)}: ${bin.hits} of ${bin.n} came true`}
            onClick={() => setOpen(open === place ? undefined : place)}
            onKeyDown={(event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); setOpen(open === place ? undefined : place); } }}>
            <title>{`said ${percent(bin.confidence, 1)}; ${bin.hits} of ${bin.n} came true (${percent(bin.rate)}), 95 % interval ${percent(bin.interval[0])} to ${percent(bin.interval[1])}`}</title>
            <line x1={at(bin.confidence)} x2={at(bin.confidence)} y1={up(bin.interval[0])} y2={up(bin.interval[1])} />
            <circle cx={at(bin.confidence)} cy={up(bin.rate)} r={3 + 3 * Math.sqrt(bin.n / most)} />
          </g>
        ))}
      </svg>
      <table class="figures small">
        <thead><tr><th scope="col">said</th><th scope="col">came true</th><th scope="col">of</th><th scope="col">95 % interval</th></tr></thead>
        <tbody>{bins.map((bin, place) => (
          <tr key={place} class={open === place ? "chosen" : ""}><th scope="row"><button type="button" class="plain" aria-expanded={open === place} onClick={() => setOpen(open === place ? undefined : place)}>{percent(bin.confidence, 1)}</button></th>
            <td>{percent(bin.rate)}</td><td>{bin.n}</td><td class="quiet">{percent(bin.interval[0])} to {percent(bin.interval[1])}</td></tr>))}
        </tbody>
      </table>
      {open !== undefined && <Members items={inBin} />}
    </>
  );
}

/** The groups hold equally many, in the order of their confidence. */
function membersOf(bins: Bin[], items: Ended[], place: number): Ended[] {
  const sorted = [...items].sort((a, b) => a.confidence - b.confidence || (a.id < b.id ? -1 : 1));
  const from = bins.slice(0, place).reduce((sum, bin) => sum + bin.n, 0);
  return sorted.slice(from, from + (bins[place]?.n ?? 0));
}

export function Members({ items }: { items: Ended[] }) {
  if (items.length === 0) return <p class="quiet small">Its signals cannot be listed.</p>;
  return (
    <ul class="members small">
      {items.map((item) => (
        <li key={item.id}><a href={`/signals/${item.id}`}>{item.symbol} {item.direction}</a> <span class="quiet">{setup(item.setup)}, {moment(Date.parse(item.confirmed), now())}, said {percent(item.confidence)}</span> <span class={item.hit ? "good" : "bad"}>{item.r === null ? "" : inR(item.r)}</span></li>
      ))}
    </ul>
  );
}
