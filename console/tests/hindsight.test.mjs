// The rule that is traded on both pictures, on bars that can be reckoned by hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "esbuild";

const { outputFiles } = await build({ entryPoints: ["src/state/hindsight.ts"], bundle: true, format: "esm", write: false });
const { atr, rates } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);

const MINUTE = 60_000;
/** Bars of the range 1 around these closes, each known a moment after its end. */
const barsOf = (closes) => closes.map((close, place) => [place * MINUTE, close, close + 0.5, close - 0.5, close, 1, (place + 1) * MINUTE + 5]);
const mark = (kind, direction, lies, known, more = {}) => ({ kind, direction, lies: { from: lies * MINUTE, to: null, top: 0, bottom: 0, ...more }, known: (known + 1) * MINUTE + 5, state: "live", events: [] });
/** Still, then down by 1 a bar to 94, up to 97, and down. */
const CLOSES = [...Array(20).fill(100), 99, 98, 97, 96, 95, 94, 95, 96, 97, 96, 95, 94, 93, 92];

test("the average true range is Wilder's", () => {
  const widths = atr(barsOf(CLOSES));
  assert.equal(widths[12], undefined);
  const near = (value, wanted) => assert.ok(Math.abs(value - wanted) < 1e-12, `${value} is not ${wanted}`);
  near(widths[13], 1);
  near(widths[19], 1);
  // After a close of 100 a bar from 98.5 to 99.5: a true range of 1.5.
  near(widths[20], 1 + 0.5 / 14);
});

test("a swing low that is drawn at its bar wins, and loses where it was known", () => {
  const bars = barsOf(CLOSES);
  // The low is bar 25 (94); it was known at the close of bar 28 (97), after which the price fell.
  const swing = mark("swing", "short", 25, 28);
  assert.deepEqual(rates(bars, [swing]), { drawn: { n: 1, won: 1 }, honest: { n: 1, won: 0 } });
  // A high there would have pointed down.
  assert.deepEqual(rates(bars, [{ ...swing, direction: "long" }]), { drawn: { n: 1, won: 0 }, honest: { n: 1, won: 1 } });
});

test("a break is known where it is drawn, and pools point nowhere", () => {
  const bars = barsOf(CLOSES);
  const broken = mark("break", "short", 15, 21, { to: 21 * MINUTE });
  assert.deepEqual(rates(bars, [broken, mark("pool_day", "long", 15, 21)]), { drawn: { n: 1, won: 1 }, honest: { n: 1, won: 1 } });
});

test("what has not ended counts for neither", () => {
  const bars = barsOf(CLOSES);
  assert.deepEqual(rates(bars, [mark("gap", "long", 20, CLOSES.length - 1)]), { drawn: { n: 0, won: 0 }, honest: { n: 0, won: 0 } });
});
