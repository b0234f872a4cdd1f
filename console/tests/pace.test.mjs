// What the console costs: many prices a second drop no frames, and nothing grows.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browse, folder, remove, serve, tab } from "./support.mjs";

const SYMBOLS = ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "US30", "NAS100", "SPX500"];
const SLOW = process.env.ORION_TEST_SLOW !== undefined;

let browser, data, server;

before(async () => {
  data = folder();
  [server, browser] = await Promise.all([serve(data), browse()]);
});

after(async () => {
  await browser?.close();
  await server?.kill();
  remove(data);
});

/** Live, with a hand on what its socket hears: `pour(count, each)` gives it so many prices, so many in a frame. */
async function live() {
  const { page, close } = await tab(browser);
  await page.addInitScript((symbols) => {
    const Real = WebSocket;
    globalThis.WebSocket = class extends Real {
      constructor(...given) {
        super(...given);
        globalThis.socket = this;
      }
    };
    let count = 0;
    globalThis.price = () => {
      count += 1;
      const ts = new Date().toISOString();
      const value = (1 + (count % 9973) / 10_000).toFixed(5);
      const data = `{"type":"price_update","ts":"${ts}","n":1,"payload":{"symbol":"${symbols[count % symbols.length]}","price":${value},"timestamp":"${ts}","change":0.00010,"change_percent":0.0100},"ext":{"bid":${value},"ask":${value},"source":"sim","price_kind":"cash","simulated":true}}`;
      globalThis.socket.onmessage({ data });
    };
    globalThis.pour = (left, each) => new Promise((done) => {
      const frame = () => {
        for (let sent = 0; sent < Math.min(left, each); sent += 1) globalThis.price();
        left -= each;
        if (left > 0) requestAnimationFrame(frame);
        else requestAnimationFrame(() => requestAnimationFrame(done));
      };
      requestAnimationFrame(frame);
    });
  }, SYMBOLS);
  await page.goto(server.address);
  await page.waitForFunction(() => document.querySelectorAll(".tile .value").length >= 7);
  return { page, close };
}

test("many prices leave no more memory and no more elements than few", async () => {
  const { page, close } = await live();
  const session = await page.context().newCDPSession(page);
  const weigh = async () => {
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    return { heap: usedSize, elements: await page.evaluate(() => document.querySelectorAll(".markets *").length) };
  };
  const pour = (count) => page.evaluate((count) => globalThis.pour(count, 50), count);
  await pour(2000);
  const first = await weigh();
  await pour(SLOW ? 200_000 : 10_000);
  const second = await weigh();
  const grown = (second.heap - first.heap) / 1024;
  console.log(`the heap went from ${(first.heap / 1024).toFixed(0)} to ${(second.heap / 1024).toFixed(0)} KiB`);
  assert.ok(grown < 1024, `${grown.toFixed(0)} KiB more`);
  assert.equal(second.elements, first.elements);
  await close();
});

test("minutes of a page that stays open leave no more memory than its first", async () => {
  // The market as the server tells it, signals and verdicts among it, and sixty prices a second besides. Slow: ten minutes.
  const { page, close } = await live();
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize / 1024;
  };
  const watch = (seconds) => page.evaluate((seconds) => new Promise((done) => {
    const timer = setInterval(globalThis.price, 1000 / 60);
    setTimeout(() => { clearInterval(timer); done(); }, seconds * 1000);
  }), seconds);
  const seen = [];
  for (let part = 0; part <= 10; part += 1) {
    await watch(SLOW ? 60 : 1);
    seen.push(await heap());
  }
  console.log(`the heap, after each part: ${seen.map((each) => each.toFixed(0)).join(", ")} KiB`);
  assert.ok(seen.at(-1) - seen[0] < 1024, seen.join(", "));
  await close();
});

test("sixty prices a second leave each frame half of its time", async () => {
  const { page, close } = await live();
  const session = await page.context().newCDPSession(page);
  // The processor's time of the page's thread: what else the machine does is not counted.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () => (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value;
  const before = await busy();
  const frames = await page.evaluate(() => new Promise((done) => {
    const timer = setInterval(globalThis.price, 1000 / 60);
    const times = [];
    const look = (time) => {
      times.push(time);
      if (time - times[0] < 5000) requestAnimationFrame(look);
      else {
        clearInterval(timer);
        done(times.slice(1).map((each, place) => each - times[place]));
      }
    };
    requestAnimationFrame(look);
  }));
  const each = ((await busy()) - before) * 1000 / frames.length;
  const late = frames.filter((length) => length > 25).length;
  console.log(`${frames.length} frames in 5 s, ${late} late, ${each.toFixed(1)} ms of work for each`);
  assert.ok(each < 1000 / 60 / 2, `${each.toFixed(1)} ms`);
  await close();
});
