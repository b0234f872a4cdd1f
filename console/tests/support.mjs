// A real server and a real browser. Whatever is waited for is waited for by its condition, and not for ever.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

export const PATIENCE = 60_000;
export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };
const BINARY = process.env.ORION_TEST_BINARY;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const folder = () => mkdtempSync(join(tmpdir(), "orion-console-"));
export const remove = (path) => rmSync(path, { recursive: true, force: true });

/** A port that was free a moment ago, for a server that is to come back at the same address. */
export function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.on("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** A server that lets clients in. `kill` is `kill -9`. */
export async function serve(data, { port = 0, set = [] } = {}) {
  const child = spawn(BINARY, ["serve", "--listen", `127.0.0.1:${port}`, "--data", data, ...set.flatMap((each) => ["--set", each])], { stdio: ["ignore", "pipe", "pipe"] });
  const log = [];
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  const ended = new Promise((done) => child.on("exit", done));
  const address = await new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`no server within ${PATIENCE} ms:\n${log.join("\n")}`)), PATIENCE);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /^ *open +(http:\S+?)\/?$/.exec(line);
      if (found) { clearTimeout(timer); done(found[1]); }
    });
    void ended.then((code) => failed(new Error(`it ended with ${code}:\n${log.join("\n")}`)));
  });
  return { address, kill() { child.kill("SIGKILL"); return ended; } };
}

/** What a command of the binary prints. */
export function run(args) {
  return new Promise((done, failed) => {
    const child = spawn(BINARY, args, { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => { text += bytes; });
    child.on("error", failed);
    child.on("exit", (code) => (code === 0 ? done(text) : failed(new Error(text))));
  });
}

export const browse = () => chromium.launch({ executablePath: process.env.ORION_TEST_CHROMIUM, args: ["--no-sandbox", "--disable-quic", "--disable-dev-shm-usage"] });

/** All processes of the browsers that this one started. */
function browsers() {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const [, name, parent] = /^\d+ \((.*)\) \S (\d+) /s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
      return [{ pid: Number(pid), name, parent: Number(parent) }];
    } catch { return []; /* It has ended. */ }
  });
  const below = (pid) => all.filter(({ parent }) => parent === pid).flatMap((child) => [child, ...below(child.pid)]);
  return below(process.pid).filter(({ name }) => /chrom/.test(name)).map(({ pid }) => pid);
}

/** As a machine does that is shut and opened again: nothing of the browser runs while `meanwhile` does. */
export async function asleep(meanwhile) {
  const stopped = browsers();
  if (stopped.length === 0) throw new Error("no browser was found");
  for (const pid of stopped) process.kill(pid, "SIGSTOP");
  try {
    await meanwhile();
  } finally {
    for (const pid of stopped) process.kill(pid, "SIGCONT");
  }
}

/** A tab whose complaints are kept: errors of the console, and what was thrown. */
export async function tab(browser, options = {}) {
  const context = await browser.newContext({ viewport: WIDE, colorScheme: "dark", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  page.on("console", (message) => { if (message.type() === "error" || message.type() === "warning") complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(String(error.stack)));
  return { page, complaints, close: () => context.close() };
}

/** What axe finds that is serious. */
export async function serious(page) {
  await page.evaluate((source) => { if (!globalThis.axe) (0, eval)(source); }, AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 120)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
}

/** How much wider than the screen the page is. */
export const overhang = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
