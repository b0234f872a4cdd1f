// The Node package `ws`, as its documents show a fan-out: `send` to each client. What the load tells a server is said in
// src/served/, what it publishes in src/pace.rs and src/message.rs.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { setImmediate, setTimeout } from "node:timers/promises";
import { WebSocketServer } from "ws";

const SYMBOLS = ["EURUSD", "GBPUSD", "USDJPY", "AUDUSD", "XAUUSD", "NAS100", "SPX500"];
const template = process.argv[2];

function message(number, due) {
  const stamp = String(10n ** 18n + (due | 1n));
  return template
    .replace("{symbol}", SYMBOLS[number % SYMBOLS.length])
    .replace("{number}", String(10 ** 9 + number))
    .replace("{stamp}", `${stamp.slice(0, -9)}.${stamp.slice(-9)}`);
}

const http = createServer();
const server = new WebSocketServer({ server: http, path: "/ws/signals", perMessageDeflate: false });
server.on("connection", (client) => {
  client.on("message", () => {});
  client.on("error", () => {});
});
http.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => console.log(`open 127.0.0.1:${http.address().port}`));

for await (const line of createInterface({ input: process.stdin })) {
  const [start, period, burst, count] = line.split(" ").map(BigInt);
  for (let due = start, at = 0; at < Number(count); at += 1, due += period) {
    const wait = Number(due - process.hrtime.bigint()) / 1e6;
    await (wait > 0 ? setTimeout(Math.ceil(wait)) : setImmediate());
    for (let number = at * Number(burst); number < (at + 1) * Number(burst); number += 1) {
      const text = message(number, due);
      for (const client of server.clients) client.send(text);
    }
  }
}
process.exit(0);
