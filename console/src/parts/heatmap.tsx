// Months across, groups down: what a trade brought on average, and of how many.

import { useState } from "preact/hooks";
import { inR } from "../format/number";
import { killzone, setup } from "../format/words";
import { type Ended, resultOf } from "../state/record";

const BY = { setup: "setup", symbol: "symbol", killzone: "killzone", source: "source" } as const;
type By = keyof typeof BY;
/** Below this many a mean is shown faint: a single trade may make it. */
const FEW = 10;

const nameOf = (by: By, name: string) => (by === "setup" ? setup(name) : by === "killzone" ? killzone(name) : name);

export function Heatmap({ items }: { items: Ended[] }) {
  const [by, setBy] = useState<By>("setup");
  if (items.length === 0) return <p class="none">No confirmed signal has ended yet.</p>;
  const months = [...new Set(items.map((item) => item.ended.slice(0, 7)))].sort().slice(-12);
  const groups = [...new Set(items.map((item) => item[by]))].sort();
  return (
    <>
      <p class="row small" role="group" aria-label="Rows">{(Object.keys(BY) as By[]).map((each) => <button key={each} type="button" aria-pressed={each === by} onClick={() => setBy(each)}>{each}</button>)}</p>
      <div class="scroll" tabIndex={0}>
        <table class="heat">
          <thead><tr><th scope="col" class="hidden-text">{by}</th>{months.map((month) => <th key={month} scope="col">{month}</th>)}<th scope="col">all</th></tr></thead>
          <tbody>
            {[...groups, undefined].map((group) => (
              <tr key={group ?? "all"}>
                <th scope="row">{group === undefined ? "all" : nameOf(by, group)}</th>
                {[...months, undefined].map((month) => <Cell key={month ?? "all"} items={items.filter((item) => (group === undefined || item[by] === group) && (month === undefined || item.ended.startsWith(month)))} />)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="quiet small">The mean result of a trade in R after costs, and how many there were. Faint: fewer than {FEW}, where one trade may make the mean.</p>
    </>
  );
}

function Cell({ items }: { items: Ended[] }) {
  if (items.length === 0) return <td class="empty" />;
  const mean = items.reduce((sum, item) => sum + resultOf(item), 0) / items.length;
  const depth = Math.min(1, Math.abs(mean)) * (items.length < FEW ? 20 : 55);
  const colour = mean < 0 ? "var(--bad)" : "var(--good)";
  return (
    <td style={{ background: `color-mix(in srgb, ${colour} ${depth.toFixed(0)}%, transparent)` }} title={`${inR(mean)} on average, ${items.length} trades`}>
      {inR(mean)}<small>of {items.length}</small>
    </td>
  );
}
