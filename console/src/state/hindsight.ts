// What a picture promises: the same rule traded on marks where they are drawn, and where they were known.

import { type Bar, type Mark, barAt, closedBy } from "./chart";

export interface Rate { n: number; won: number }

const ATR_BARS = 14;
/** Marks that point somewhere. Pools and equal levels are places, not directions. */
const POINTING = new Set(["swing", "major_swing", "break", "block", "gap"]);

export const RULE = "Each swing, break, block and gap is entered the way it points (up from a swing low, down from a high) at the close of a bar, with target and stop one ATR (14 bars) away; the stop counts where both lie in one bar. As drawn: at the bar it is drawn on. Honest: at the bar whose close made it known.";

/** Wilder's average true range at each bar; none before there are enough bars. */
export function atr(bars: Bar[]): (number | undefined)[] {
  const all: (number | undefined)[] = [];
  let mean = 0;
  bars.forEach(([, , high, low], place) => {
    const before = bars[place - 1]?.[4];
    const range = before === undefined ? high - low : Math.max(high, before) - Math.min(low, before);
    mean = place < ATR_BARS ? mean + range / ATR_BARS : mean + (range - mean) / ATR_BARS;
    all.push(place < ATR_BARS - 1 ? undefined : mean);
  });
  return all;
}

/** Whether a trade entered at the close of this bar reached its target first; undefined while neither was reached. */
function won(bars: Bar[], entered: number, isLong: boolean, width: number): boolean | undefined {
  const entry = bars[entered]?.[4] ?? 0;
  for (const [, , high, low] of bars.slice(entered + 1)) {
    const isStopped = isLong ? low <= entry - width : high >= entry + width;
    if (isStopped) return false;
    if (isLong ? high >= entry + width : low <= entry - width) return true;
  }
  return undefined;
}

/** Where a mark points: up from a swing low, down from a high (whose side is called `long`), otherwise its own way. */
function isLong(mark: Mark): boolean {
  const isSwing = mark.kind === "swing" || mark.kind === "major_swing";
  return (mark.direction === "long") !== isSwing;
}

/** A break is drawn at the bar that broke, which is where it was known too; all else where it lies. */
const drawnAt = ({ kind, lies }: Mark) => (kind === "break" ? lies.to ?? lies.from : lies.from);

/** Both rates over the same marks, of which both entries are over. */
export function rates(bars: Bar[], marks: Mark[]): { drawn: Rate; honest: Rate } {
  const widths = atr(bars);
  const drawn: Rate = { n: 0, won: 0 };
  const honest: Rate = { n: 0, won: 0 };
  for (const mark of marks.filter((each) => POINTING.has(each.kind))) {
    const places = [barAt(bars, drawnAt(mark)), closedBy(bars, mark.known)];
    const results = places.map((place) => {
      const width = place < 0 ? undefined : widths[place];
      return width === undefined ? undefined : won(bars, place, isLong(mark), width);
    });
    const [asDrawn, asKnown] = results;
    if (asDrawn === undefined || asKnown === undefined) continue;
    drawn.n += 1;
    honest.n += 1;
    drawn.won += Number(asDrawn);
    honest.won += Number(asKnown);
  }
  return { drawn, honest };
}
