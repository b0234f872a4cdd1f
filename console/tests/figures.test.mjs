// Signs, digits, units, and what is called live: a wrong one would cost whoever trades by it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { build } from "esbuild";

// Nothing is drawn here, and nothing beats.
globalThis.setInterval = () => 0;
globalThis.requestAnimationFrame = () => 0;
globalThis.document = globalThis.window = { addEventListener: () => {} };
globalThis.sessionStorage = globalThis.localStorage = { getItem: () => null };

const SOURCES = ["format/number", "format/time", "format/words", "net/clock", "parts/ladder", "parts/sure", "state/live", "state/markets", "state/record", "state/signals", "draw/shapes"];
const { outputFiles } = await build({
  stdin: { contents: SOURCES.map((name) => `export * from "./src/${name}";`).join("\n"), resolveDir: "." },
  bundle: true, format: "esm", jsx: "automatic", jsxImportSource: "preact", write: false,
});
// A file, so that an error says its line and not all of it.
const made = mkdtempSync(join(tmpdir(), "orion-console-"));
writeFileSync(join(made, "page.mjs"), outputFiles[0].contents);
const page = await import(join(made, "page.mjs")).finally(() => rmSync(made, { recursive: true }));
const { price, signed, inR, percent, digitsIn, length, countdown, moment, newYork, newYorkDay, setup, condition, withoutSimulated } = page;
const { heardTime, forgetTime, now, skew, isLive, link, meaning, levelsOf, takePrice, takeStatus, markets, prices, ageOf, digitsOf, equity, resultOf, wilson, loadEnded } = page;
const { origin, start } = page;
const { signals, takeSignal, takeOutcome, isRunning, rOf, anew, Shapes, caption } = page;

const NBSP = "\u00a0";
const MINUS = "\u2212";
const LONG = {
  id: "a", status: "pending", direction: "long", symbol: "EURUSD", entry_time: "2026-11-23T14:05:00.000Z", entry_price: 1.0853, stop_loss: 1.0845,
  take_profits: [1.0861, 1.0869], tp_modes: ["TP1 30%", "Runner 70%"], reason: "MSS+FVG setup (SIMULATED)", confidence: 0.65, rr_target: 2, killzone: "ny_am",
};
const SHORT = { ...LONG, id: "b", direction: "short", stop_loss: 1.0861, take_profits: [1.0845, 1.0837] };
const near = (value, wanted) => assert.ok(Math.abs(value - wanted) < 1e-9, `${value} is not ${wanted}`);
const text = (field, value) => `{"payload":{"${field}":${value}}}`;

beforeEach(() => {
  anew();
  forgetTime();
});

test("a number has its sign, its digits and its unit", () => {
  assert.deepEqual([price(1.085, 5), price(4321.5, 2), price(19000, 0)], ["1.08500", "4321.50", "19000"]);
  assert.deepEqual([signed(-1.234, 2), signed(1.235, 1), signed(0, 2)], [`${MINUS}1.23`, "+1.2", "0.00"]);
  assert.deepEqual([signed(-0.001, 2), signed(0.001, 2)], ["0.00", "0.00"], "what rounds to nothing has no sign");
  assert.deepEqual([inR(-1), inR(2.5)], [`${MINUS}1.00${NBSP}R`, `+2.50${NBSP}R`]);
  assert.deepEqual([percent(0.567), percent(0.567, 1)], [`57${NBSP}%`, `56.7${NBSP}%`]);
  assert.deepEqual([digitsIn(text("price", "1.08500"), "price"), digitsIn(text("price", "19000"), "price"), digitsIn(text("price", "-0.50"), "price"), digitsIn("{}", "price")], [5, 0, 2, undefined]);
});

test("a time is told so that nobody takes it for another", () => {
  const at = Date.parse("2026-11-27T14:05:00Z");
  assert.equal(newYork(at), "09:05");
  assert.equal(newYork(Date.parse("2026-07-01T14:05:00Z")), "10:05", "summer time");
  assert.equal(newYorkDay(Date.parse("2026-11-29T22:00:00Z")), "Sunday 17:00");
  assert.equal(moment(at, at + 3_600_000), "14:05");
  assert.equal(moment(at, at + 86_400_000), "27 Nov 14:05", "of another day");
  assert.deepEqual([0, 59_999, 60_000, 3_599_999, 3_600_000, 90_000_000].map(length), ["0 s", "59 s", "1 min", "59 min", "1 h 00 min", "1 d 1 h"]);
  assert.equal(length(-5), "0 s");
  assert.deepEqual([285_000, 61_000, 59_001, 1, 0, -7].map(countdown), ["4:45", "1:01", "1:00", "0:01", "0:00", "0:00"]);
});

test("now is the server's, whatever the viewer's clock says", () => {
  assert.ok(Math.abs(now() - Date.now()) < 60_000, "until the server has spoken");
  const server = Date.now() - 3_600_000;
  heardTime(new Date(server).toISOString());
  assert.ok(now() - server >= 0 && now() - server < 60_000);
  assert.ok(skew() > 3_500_000);
  // A message that was long on its way does not set it back by as much.
  heardTime(new Date(server - 1000).toISOString());
  assert.ok(now() - server > -100);
  heardTime("no time");
  assert.ok(now() - server < 60_000);
});

test("a connection over which nothing comes is not live", () => {
  link.set({ state: "open" });
  assert.equal(isLive(), false);
});

test("a made-up market says so also where the socket never opens", async () => {
  let socket;
  const asked = new Promise((done) => {
    globalThis.fetch = async (path) => {
      done(path);
      return new Response(JSON.stringify({ market: "sim-1", feed: "sim", simulated: true }));
    };
  });
  globalThis.location = { protocol: "http:", host: "host" };
  globalThis.WebSocket = class { constructor() { socket = this; } close() {} };
  const { setTimeout } = globalThis;
  globalThis.setTimeout = () => 0;
  start();
  socket.onclose({ code: 1006, reason: "" });
  globalThis.setTimeout = setTimeout;
  assert.equal(link.get().state, "lost");
  assert.equal(await asked, "/api/v1/status");
  while (origin.get().kind === "unknown") await new Promise(setImmediate);
  assert.equal(origin.get().kind, "simulated");
});

test("a price is as old as it was when it came, and longer", () => {
  takePrice({ symbol: "EURUSD", price: 1.085, timestamp: "2026-11-23T14:05:00.000Z", change: 0, change_percent: 0 }, {}, "2026-11-23T14:05:07.000Z", text("price", "1.08500"));
  const known = markets.get().get("EURUSD");
  assert.ok(ageOf(known) >= 7000 && ageOf(known) < 67_000, String(ageOf(known)));
  assert.equal(digitsOf("EURUSD"), 5);
  takePrice({ ...known.price, price: 1.0849 }, {}, "2026-11-23T14:05:08.000Z", text("price", "1.0849"));
  assert.deepEqual([known.step, digitsOf("EURUSD")], [-1, 5]);
});

test("a price draws what shows it, and no other market", () => {
  const quote = (symbol, value) => takePrice({ symbol, price: value, timestamp: "2026-11-23T14:05:00.000Z", change: 0, change_percent: 0 }, {}, undefined, text("price", value));
  quote("EURUSD", 1.085);
  quote("XAUUSD", 2650.5);
  const [euro, gold] = ["EURUSD", "XAUUSD"].map((symbol) => markets.get().get(symbol));
  const counts = () => [euro.news, gold.news, prices, markets].map((store) => store.changes);
  const before = counts();
  quote("EURUSD", 1.0851);
  quote("EURUSD", 1.0852);
  takeStatus({ symbol: "XAUUSD", feed: "stale", since: "2026-11-23T14:05:00.000Z" });
  assert.deepEqual(counts().map((count, place) => count - before[place]), [2, 1, 2, 0]);
});

test("R is won upwards by a long and downwards by a short", () => {
  near(rOf(LONG, 1.0861), 1);
  near(rOf(LONG, 1.0845), -1);
  near(rOf(SHORT, 1.0845), 1);
  near(rOf(SHORT, 1.0869), -2);
  const levels = levelsOf({ signal: SHORT, ext: {}, outcomes: [{ event: "tp1" }], stop: SHORT.entry_price });
  assert.deepEqual(levels.map(({ name, isDone }) => [name, isDone]), [["Stop (moved)", false], ["Entry", false], ["TP1, close 30 %", true], ["Runner, close 70 %", false]]);
  [0, 0, 1, 2].forEach((r, place) => near(levels[place].r, r));
});

test("a status does not go back, and an outcome counts once", () => {
  const take = (status) => takeSignal({ ...LONG, status }, {}, "2026-11-23T14:06:00.000Z", "", false);
  take("pending");
  take("confirmed");
  take("pending");
  const known = signals.get().get("a");
  assert.equal(known.signal.status, "confirmed");
  assert.ok(isRunning(known));
  const of = (event, more = {}) => ({ id: "a", event, price: 1.0853, r: 0, at: "2026-11-23T14:10:00.000Z", ...more });
  takeOutcome(of("tp1"), {});
  takeOutcome(of("tp1"), {});
  takeOutcome(of("stop_moved"), {});
  assert.deepEqual([known.outcomes.length, known.stop, isRunning(known)], [2, 1.0853, true]);
  takeOutcome(of("stop", { r: -0.02 }), { last: true, realised_r: 0.28 });
  assert.equal(isRunning(known), false);
  assert.deepEqual([known.end.r, known.end.realised], [-0.02, 0.28]);
  take("confirmed");
  assert.deepEqual([known.stop, signals.get().get("a").end?.event], [1.0853, "stop"], "told again, it is over still");
});

test("how sure is never told as chance, nor a guess as a measurement", () => {
  const ext = { setup: "mss_fvg", odds: 0.57, confidence: { n: 212, hits: 129, lo: 0.54, hi: 0.67, basis: "shrinkage" } };
  assert.equal(meaning(LONG, ext), `Of 212 MSS FVG signals 61${NBSP}% reached TP1 first; chance alone 57${NBSP}%. 95 % interval 54${NBSP}% to 67${NBSP}%.`);
  assert.match(meaning(LONG, { ...ext, confidence: { ...ext.confidence, basis: "platt", version: 7 } }), /Calibrated \(platt, version 7\)\.$/);
  assert.match(meaning(LONG, { ...ext, confidence: { n: 29, hits: 20, basis: "shrinkage" } }), /^Of 29 .* Few cases yet, so 65.% leans on chance\.$/);
  assert.doesNotMatch(meaning(LONG, { ...ext, confidence: { n: 30, hits: 20, basis: "shrinkage" } }), /Few/);
  for (const confidence of [undefined, { n: 0, hits: 0, basis: "shrinkage" }]) assert.match(meaning(LONG, { ...ext, confidence }), /^A guess: no MSS FVG signals have ended/);
});

test("equity is what was left after costs, in the order of the ends, and falls from its best", () => {
  const ended = (at, r, net) => ({ ended: `2026-11-23T${at}:00.000Z`, r, net });
  const curve = equity([ended("15:00", -1, -1.5), ended("14:00", 2, 1.5), ended("16:00", -1, null), ended("17:00", null, null)]);
  assert.deepEqual(curve.sums, [1.5, 0, -1, -1]);
  assert.deepEqual(curve.falls, [0, -1.5, -2.5, -2.5]);
  assert.equal(curve.deepest, -2.5);
  assert.equal(resultOf({ r: 2, net: 0 }), 0);
  // The interval of 8 of 10: Wilson (1927).
  const [low, high] = wilson(8, 10);
  assert.deepEqual([low.toFixed(4), high.toFixed(4)], ["0.4902", "0.9433"]);
  assert.deepEqual([wilson(0, 0), wilson(0, 5)[0], wilson(5, 5)[1]], [[0, 1], 0, 1]);
});

test("ends are read page after page until there are no more", async () => {
  const asked = [];
  globalThis.fetch = async (path) => {
    asked.push(new URL(path, "http://host").searchParams.get("cursor"));
    const next = { null: "k.1", "k.1": "k.2" }[String(asked.at(-1))] ?? null;
    return new Response(JSON.stringify({ items: [{ id: asked.length }], next }));
  };
  assert.deepEqual(await loadEnded(), { items: [{ id: 1 }, { id: 2 }, { id: 3 }], isWhole: true });
  assert.deepEqual(asked, [null, "k.1", "k.2"]);
  globalThis.fetch = async () => new Response(JSON.stringify({ items: [], next: "k.1" }));
  assert.equal((await loadEnded()).isWhole, false);
});

test("a drawn thing ends where it was let go of, and goes on while it is only touched", () => {
  const shapes = Object.assign(new Shapes(), { x: (ms) => ms });
  const end = (state, ...events) => shapes.end({ state, events, lies: { to: null } }, 1000);
  assert.equal(end("live"), 1000);
  assert.equal(end("touched", { at: 50, what: "touched" }), 1000);
  for (const what of ["filled", "inverted", "broken", "swept", "run", "replaced", "expired"]) assert.equal(end(what, { at: 50, what: "touched" }, { at: 70, what }), 70, what);
  // Equal levels have a bar where they were found, and stand on.
  assert.equal(shapes.end({ state: "live", events: [], lies: { to: 40 } }, 1000), 1000);
});

test("a signal on the chart says what it brought in all", () => {
  const outcome = { event: "stop", price: 1.0845, r: -1 };
  const of = (more) => caption({ ...LONG, status: "confirmed", ...more });
  assert.equal(caption(LONG), "\u25b2 pending");
  assert.equal(caption({ ...SHORT, status: "invalidated" }), "\u25bc no trade");
  assert.equal(of({}), "\u25b2 running");
  assert.equal(of({ outcome }), `\u25b2 stop ${MINUS}1.00 R`);
  assert.equal(of({ outcome: { ...outcome, ext: { realised_r: 0.28 } } }), "\u25b2 stop +0.28 R");
});

test("names are a trader's, and the badge says what is made up", () => {
  assert.deepEqual([setup("mss_fvg"), setup("turtle_soup"), condition("wick_atr"), condition("mss")], ["MSS FVG", "Turtle soup", "wick, in ATR", "market structure shift"]);
  assert.equal(withoutSimulated("MSS+FVG setup (SIMULATED)"), "MSS+FVG setup");
});
