// A signal's levels: where they lie, what each is worth in R, and how far the price is from them.

import { inR, price as shown } from "../format/number";
import type { Known } from "../state/signals";
import { rOf } from "../state/signals";

interface Level { name: string; price: number; r: number; kind: "target" | "entry" | "stop"; isDone: boolean }

export function levelsOf(known: Known): Level[] {
  const { signal } = known;
  const done = new Set(known.outcomes.map((outcome) => outcome.event));
  const targets = signal.take_profits.map((price, place): Level => ({
    name: named(signal.tp_modes[place], place), price, r: rOf(signal, price), kind: "target", isDone: done.has(`tp${place + 1}`),
  }));
  return [
    { name: known.stop === signal.stop_loss ? "Stop" : "Stop (moved)", price: known.stop, r: rOf(signal, known.stop), kind: "stop", isDone: done.has("stop") },
    { name: "Entry", price: signal.entry_price, r: 0, kind: "entry", isDone: false },
    ...targets,
  ];
}

/** `TP1 30%` is a target and the part of the position that is closed there, not its chance. */
function named(mode: string | undefined, place: number): string {
  const [, name, part] = /^(.*\S)\s+(\d+)\s?%$/.exec(mode ?? "") ?? [];
  return part === undefined ? mode ?? `TP${place + 1}` : `${name}, close ${part} %`;
}

/** Stop at the left, last target at the right, the price between them. */
export function Track({ known, at }: { known: Known; at: number | undefined }) {
  const levels = levelsOf(known);
  const low = Math.min(-1, ...levels.map((level) => level.r));
  const high = Math.max(...levels.map((level) => level.r));
  const place = (r: number) => `${(Math.min(1, Math.max(0, (r - low) / (high - low))) * 100).toFixed(2)}%`;
  return (
    <div class="track" aria-hidden="true">
      <i class="lost" style={{ width: place(0) }} />
      <i class="won" style={{ left: place(0) }} />
      {levels.map((level) => <i key={level.name} class={`tick ${level.kind}${level.isDone ? " done" : ""}`} style={{ left: place(level.r) }} />)}
      {at !== undefined && <b style={{ left: place(at) }} />}
    </div>
  );
}

export function Levels({ known, digits, price }: { known: Known; digits: number; price: number | undefined }) {
  const risk = Math.abs(known.signal.entry_price - known.signal.stop_loss);
  return (
    <table class="levels">
      <thead><tr><th scope="col">Level</th><th scope="col">Price</th><th scope="col">Worth</th><th scope="col">{price === undefined ? "" : "To go"}</th></tr></thead>
      <tbody>
        {levelsOf(known).map((level) => (
          <tr key={level.name} class={`${level.kind}${level.isDone ? " done" : ""}`}>
            <th scope="row">{level.name}{level.isDone && " \u2713"}</th>
            <td>{shown(level.price, digits)}</td>
            <td>{level.kind === "entry" ? "" : inR(level.r)}</td>
            <td class="quiet">{price === undefined ? "" : shown(Math.abs(level.price - price), digits)}<span class="away"> {price === undefined ? "" : `${(Math.abs(level.price - price) / risk).toFixed(2)} R`}</span></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
