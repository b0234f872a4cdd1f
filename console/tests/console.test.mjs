// The console in a real browser, against a real server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { PHONE, WIDE, asleep, browse, folder, freePort, overhang, remove, run, serious, serve, tab } from "./support.mjs";

const SYMBOLS = ["EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "US30", "NAS100", "SPX500"];
const FILLED = () => document.querySelectorAll(".tile .value").length >= 7 && document.querySelectorAll(".card").length > 0;
const PICTURES = process.env.ORION_TEST_SCREENSHOTS;
// How long the tab sleeps whose server is replaced; 3600 is an hour.
const ASLEEP_MS = Number(process.env.ORION_TEST_ASLEEP_S ?? 0) * 1000;

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

/** A signal of the server, to have one to look at. */
async function aSignal() {
  const { items } = await (await fetch(`${server.address}/api/v1/signals?limit=1&status=invalidated`)).json();
  return items[0].id;
}

const PAGES = [
  ["live", () => "/", ".card"],
  ["chart", () => "/chart/EURUSD/5m", ".pane canvas"],
  ["signal", async () => `/signals/${await aSignal()}`, ".life li"],
  ["track-record", () => "/track-record", ".verdict h1"],
  ["operations", () => "/operations", ".operations .cells"],
  ["login", () => "/login", "form"],
  ["missing", () => "/chart/../none", "h1"],
];

for (const [name, path, shows] of PAGES.filter(([name]) => name !== "missing")) {
  test(`${name} is whole on desks and phones, in dark and light`, async () => {
    for (const [viewport, colorScheme] of [[WIDE, "dark"], [WIDE, "light"], [PHONE, "dark"], [PHONE, "light"]]) {
      const { page, complaints, close } = await tab(browser, { viewport, colorScheme });
      await page.goto(server.address + await path());
      await page.locator(shows).first().waitFor();
      await page.locator("#simulated").waitFor();
      assert.match(await page.locator("#simulated").innerText(), /SIMULATED/);
      assert.equal(await overhang(page), 0, `${viewport.width} pixels are too few`);
      if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}-${viewport.width}-${colorScheme}.png`) });
      assert.deepEqual(complaints, []);
      assert.deepEqual(await serious(page), [], `${viewport.width} ${colorScheme}`);
      await close();
    }
  });
}

test("live says what the price is, whether it is real, which trade runs and how sure, and goes on", async () => {
  const { page, complaints, close } = await tab(browser);
  await page.goto(server.address);
  await page.waitForFunction(FILLED);
  for (const symbol of SYMBOLS) assert.match(await page.locator(`[data-symbol=${symbol}] .value`).innerText(), /^\d+\.\d+$/, symbol);
  assert.equal(await page.locator("#state").innerText(), "live");
  assert.match(await page.locator(".glance").innerText(), /(No trade runs|trade runs?|trades run).*simulated market/s);
  await page.locator("#pending .card").first().waitFor();
  const card = await page.locator("#pending .card").first().innerText();
  for (const word of [/SIMULATED/, /verdict in [0-4]:[0-5]\d/, /Entry/, /Stop/, /TP1/, /\sR\b/, /\d+\s%/, /Why:/]) assert.match(card, word);
  await page.locator("#pending .why summary").first().click();
  assert.ok(await page.locator("#pending .conditions li").count() > 0);
  // Prices go on arriving.
  const prices = () => [...document.querySelectorAll(".tile .value")].map((value) => value.textContent).join(" ");
  const first = await page.evaluate(prices);
  await page.waitForFunction((first) => [...document.querySelectorAll(".tile .value")].map((value) => value.textContent).join(" ") !== first, first);
  assert.deepEqual(complaints, []);
  await close();
});

test("the keyboard goes everywhere", async () => {
  const { page, complaints, close } = await tab(browser);
  await page.goto(server.address);
  await page.waitForFunction(FILLED);
  await page.keyboard.press("?");
  await page.locator("dialog[open] .keys").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.evaluate(() => document.activeElement?.dataset.symbol), SYMBOLS[0]);
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.evaluate(() => document.activeElement?.dataset.symbol), SYMBOLS[1]);
  for (const [key, path] of [["3", "/track-record"], ["4", "/operations"], ["1", "/"]]) {
    await page.keyboard.press(key);
    await page.waitForURL(`**${path}`);
  }
  await page.keyboard.press("/");
  await page.locator("dialog[open] input").waitFor();
  await page.keyboard.type("xau");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/chart/XAUUSD/5m");
  await page.locator(".pane canvas").first().waitFor();
  await page.keyboard.press("[");
  await page.waitForURL("**/chart/XAUUSD/1m");
  // Pressed in the very instant in which the bars are there.
  await page.evaluate(() => new Promise((done) => {
    const press = () => {
      if (!document.querySelector("h1")?.textContent.includes("XAUUSD, 1m") || document.querySelector(".panel h2") === null) return;
      observer.disconnect();
      done(document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", cancelable: true })));
    };
    const observer = new MutationObserver(press);
    observer.observe(document.body, { childList: true, subtree: true, characterData: true });
    press();
  }));
  await page.waitForURL("**/chart/XAUUSD/1m?at=*");
  await page.locator("#travelling").waitFor();
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.keyboard.press("t");
  await page.waitForFunction((before) => getComputedStyle(document.body).backgroundColor !== before, background);
  assert.deepEqual(complaints, []);
  await close();
});

test("time travel shows an old moment and nothing of later, and the repainted picture both win rates", async () => {
  const { page, complaints, close } = await tab(browser);
  const of = (query) => `/api/v1/chart?symbol=EURUSD&timeframe=1m&bars=400${query}`;
  const whole = await (await fetch(server.address + of(""))).json();
  const at = whole.bars[Math.floor(whole.bars.length / 2)][6];
  const answered = page.waitForResponse((response) => response.url().includes("/api/v1/chart?") && response.url().includes(`at=${at}`));
  await page.goto(`${server.address}/chart/EURUSD/1m?at=${at}`);
  const told = await (await answered).json();
  assert.ok(told.bars.length > 0 && told.bars.every((bar) => bar[6] <= at));
  assert.ok(told.marks.every((mark) => mark.known <= at && mark.events.every((event) => event.at <= at)));
  await page.locator("#travelling").waitFor();
  const pane = page.locator(".pane").first();
  assert.equal(Number(await pane.getAttribute("data-last")), told.bars.at(-1)[0]);
  assert.equal(Number(await pane.getAttribute("data-marks")), told.marks.length);
  await page.keyboard.press("r");
  await page.locator(".painted canvas").first().waitFor();
  const shares = await page.locator(".share").allInnerTexts();
  assert.equal(shares.length, 2);
  for (const share of shares) assert.match(share, /^\d+\s% won of \d+$/);
  if (PICTURES) await page.screenshot({ path: join(PICTURES, "hindsight.png") });
  await page.locator("#travelling button").click();
  await page.locator("#travelling").waitFor({ state: "detached" });
  assert.deepEqual(complaints, []);
  await close();
});

test("a chart goes on live and back into history", async () => {
  const { page, complaints, close } = await tab(browser);
  await page.goto(`${server.address}/chart/EURUSD/1m`);
  const pane = page.locator(".pane").first();
  await pane.locator("canvas").first().waitFor();
  const bars = Number(await pane.getAttribute("data-bars"));
  const before = Number(await pane.getAttribute("data-last"));
  const box = await pane.boundingBox();
  // Dragged to the right, until what lies before is asked for.
  for (let drag = 0; drag < 12 && Number(await pane.getAttribute("data-bars")) <= bars + 1; drag += 1) {
    await page.mouse.move(box.x + 40, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 90, box.y + 100, { steps: 4 });
    await page.mouse.up();
  }
  await page.waitForFunction((bars) => Number(document.querySelector(".pane").dataset.bars) > bars + 1, bars);
  // The next minute's bar comes by itself.
  await page.waitForFunction((before) => Number(document.querySelector(".pane").dataset.last) > before, before, { timeout: 90_000 });
  assert.deepEqual(complaints, []);
  await close();
});

test("a group of the reliability diagram opens its signals, and one of them its life", async () => {
  const { page, complaints, close } = await tab(browser);
  await page.goto(`${server.address}/track-record`);
  await page.locator(".bin").first().focus();
  await page.keyboard.press("Enter");
  const member = page.locator(".members a").first();
  await member.click();
  await page.waitForURL("**/signals/*");
  await page.locator(".life li.confirmed").waitFor();
  assert.ok(await page.locator(".life li").count() >= 3);
  assert.deepEqual(complaints, []);
  await close();
});

/** Each signal that is shown, once. */
const cards = (page) => page.evaluate(() => [...document.querySelectorAll(".card")].map((card) => card.dataset.id));

test("a server that is killed and comes back: the page says so, and is right again with each signal once", async () => {
  const own = folder();
  const port = await freePort();
  let first = await serve(own, { port });
  const { page, close } = await tab(browser);
  try {
    await page.goto(first.address);
    await page.waitForFunction(FILLED);
    const known = await cards(page);
    await first.kill();
    await page.locator("#not-live").waitFor();
    assert.match(await page.locator("#not-live").innerText(), /NOT LIVE/);
    assert.notEqual(await page.locator("#state").innerText(), "live");
    first = await serve(own, { port });
    await page.locator("#not-live").waitFor({ state: "detached" });
    const { items } = await (await fetch(`${first.address}/api/v1/signals?status=pending`)).json();
    await page.waitForFunction((ids) => ids.every((id) => document.querySelectorAll(`[data-id="${id}"]`).length === 1), items.map(({ id }) => id));
    const shown = await cards(page);
    assert.equal(new Set(shown).size, shown.length);
    assert.ok(known.some((id) => shown.includes(id)));
    const prices = await page.evaluate(() => [...document.querySelectorAll(".tile")].map((tile) => tile.textContent).join());
    await page.waitForFunction((before) => [...document.querySelectorAll(".tile")].map((tile) => tile.textContent).join() !== before, prices);
  } finally {
    await close();
    await first.kill();
    remove(own);
  }
});

test("a tab that slept while the server was replaced is right again by itself", async () => {
  const own = folder();
  const port = await freePort();
  let first = await serve(own, { port });
  const { page, close } = await tab(browser);
  try {
    await page.goto(first.address);
    await page.waitForFunction(FILLED);
    const before = await page.evaluate(() => [...document.querySelectorAll(".tile .value")].map(({ textContent }) => textContent).join());
    await asleep(async () => {
      await first.kill();
      first = await serve(own, { port });
      await new Promise((done) => setTimeout(done, ASLEEP_MS));
    });
    await page.waitForFunction(() => document.querySelector("#state").textContent === "live" && !document.querySelector("#not-live"));
    await page.waitForFunction((before) => [...document.querySelectorAll(".tile .value")].map(({ textContent }) => textContent).join() !== before, before);
    const shown = await cards(page);
    assert.equal(new Set(shown).size, shown.length);
    // Nobody was there when they were born: they have come all the same.
    const { items } = await (await fetch(`${first.address}/api/v1/signals?status=pending`)).json();
    await page.waitForFunction((ids) => ids.every((id) => document.querySelector(`.card[data-id="${id}"]`)), items.map(({ id }) => id));
  } finally {
    await close();
    await first.kill();
    remove(own);
  }
});

test("a clock that is wrong by an hour changes nothing but a word about it", async () => {
  for (const wrong of [3_600_000, -3_600_000]) {
    const { page, complaints, close } = await tab(browser);
    await page.addInitScript((wrong) => {
      const Real = Date;
      globalThis.Date = class extends Real {
        constructor(...given) { given.length === 0 ? super(Real.now() + wrong) : super(...given); }
        static now() { return Real.now() + wrong; }
      };
    }, wrong);
    await page.goto(server.address);
    await page.waitForFunction(FILLED);
    await page.waitForFunction(() => document.querySelector("#clock").textContent.includes("clock is off"));
    await page.locator("#pending .since b").first().waitFor();
    for (const left of await page.locator("#pending .since b").allInnerTexts()) assert.match(left, /^[0-4]:[0-5]\d$/);
    for (const foot of await page.locator(".tile .foot > :last-child").allInnerTexts()) assert.match(foot, /\b\d{1,2} s$/);
    const here = await page.locator("#clock").innerText();
    const hour = new Date().getHours();
    assert.ok(here.startsWith(String(hour).padStart(2, "0")) || here.startsWith(String((hour + 1) % 24).padStart(2, "0")) || new Date().getMinutes() === 0, here);
    assert.deepEqual(complaints, []);
    await close();
  }
});

test("a server that wants a key is told so, and shows all once it has one", async () => {
  const own = folder();
  const told = await run(["key", "add", "screen", "--for", "dashboard", "--data", own]);
  const key = /orion_[\w-]+|[A-Za-z0-9_-]{30,}/.exec(told)?.[0];
  assert.ok(key, told);
  const locked = await serve(own, { set: ['auth.mode="required"'] });
  const { page, close } = await tab(browser);
  try {
    await page.goto(locked.address);
    await page.locator("#not-live a[href='/login']").click();
    await page.locator("input[type=password]").fill(key);
    await page.keyboard.press("Enter");
    await page.waitForFunction(FILLED);
    assert.equal(await page.locator("#state").innerText(), "live");
    await page.keyboard.press("3");
    await page.locator(".verdict h1").waitFor();
  } finally {
    await close();
    await locked.kill();
    remove(own);
  }
});

test("the first paint comes within a second", async () => {
  const times = [];
  for (let visit = 0; visit < 3; visit += 1) {
    const { page, close } = await tab(browser);
    await page.goto(server.address);
    await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    times.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    await close();
  }
  console.log(`first contentful paint after ${times.map((time) => time.toFixed(0)).join(", ")} ms`);
  assert.ok(Math.min(...times) < 1000, `${times}`);
});
