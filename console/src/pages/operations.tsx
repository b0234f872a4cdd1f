// For whoever keeps the server: what it does now, and its log. What is told is shown by its own names.

import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, percent } from "../format/number";
import { clockSeconds, length, moment } from "../format/time";
import { now } from "../net/clock";
import { Refused, ask } from "../net/rest";
import { Failed } from "../parts/failed";

const REFRESH_MS = 2000;
const LINES_MAX = 500;
/** What every answer begins with, and what has a place of its own above. */
const KNOWN = new Set(["market", "simulated", "version", "now", "started", "position"]);

type Value = null | boolean | number | string | Value[] | { [name: string]: Value };
type Fields = { [name: string]: Value };
interface Line { n: number; at: string; level: string; target: string; message: string; fields?: Fields | null }

export function Operations() {
  const [told, setTold] = useState<Fields>();
  const [failed, setFailed] = useState<Refused>();
  useEffect(() => {
    const load = () => ask<Fields>("/api/v1/operations").then((fields) => { setTold(fields); setFailed(undefined); }, (error: unknown) => { if (error instanceof Refused) setFailed(error); });
    void load();
    const timer = setInterval(() => { if (document.visibilityState === "visible") void load(); }, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  if (failed && !told) return <Failed what="Operations" why={failed} />;
  if (!told) return <p class="pad quiet" role="status">Asking the server.</p>;
  const parts = Object.entries(told).filter(([name]) => !KNOWN.has(name));
  const deep = parts.filter(([, value]) => isDeep(value));
  return (
    <div class="pad operations">
      <h1>Operations <small class="quiet">{String(told["market"] ?? "")}{told["version"] ? `, ORION ${String(told["version"])}` : ""}{typeof told["started"] === "string" ? `, up for ${length(now() - Date.parse(told["started"]))}` : ""}</small></h1>
      {failed && <p class="bad" role="alert">These figures are old: {failed.message}</p>}
      <dl class="cells first">{FIRST.map(([name, path]) => <div key={path}><dt>{name}</dt><dd>{shown(path, at(told, path))}</dd></div>)}</dl>
      <div class="sheets">{deep.map(([name, value]) => <section key={name} class="panel"><h2>{words(name)}</h2><Sheet name={name} value={value} /></section>)}</div>
      <Log />
    </div>
  );
}

const isDeep = (value: Value): value is Value[] | Fields => value !== null && typeof value === "object";

/** What one wants to see first, and where it stands. */
const FIRST: [name: string, path: string][] = [
  ["clients", "connections.open"], ["messages", "messages.per_s"], ["sent", "messages.bytes_per_s"], ["delivered, 99 %", "delivery.p99_ms"],
  ["stalled clients", "slow.stalled"], ["ticks", "engine.ticks_per_s"], ["journal commit, 99 %", "journal.commit.p99_ms"], ["memory", "process.resident_bytes"],
];

function at(told: Fields, path: string): Value {
  return path.split(".").reduce<Value>((value, name) => (isDeep(value) && !Array.isArray(value) ? value[name] ?? null : null), told);
}

function Sheet({ name, value }: { name: string; value: Value }) {
  if (Array.isArray(value)) {
    const rows = value.filter((each): each is Fields => isDeep(each) && !Array.isArray(each));
    if (rows.length === 0) return <p class="quiet">{value.length === 0 ? "none" : value.map((each) => shown(name, each)).join(", ")}</p>;
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((column) => rows.some((row) => row[column] !== null && !isDeep(row[column] ?? null)))
      .sort((a, b) => Number(isName(b)) - Number(isName(a)));
    return (
      <div class="scroll" tabIndex={0}>
        <table class="figures small"><thead><tr>{columns.map((column) => <th key={column} scope="col">{words(column)}</th>)}</tr></thead>
          <tbody>{rows.map((row, place) => <tr key={place}>{columns.map((column) => <td key={column} class={column === "state" || column === "feed" ? tone(row[column] ?? null) : ""}>{shown(column, row[column] ?? null)}</td>)}</tr>)}</tbody></table>
      </div>
    );
  }
  if (!isDeep(value)) return <p>{shown(name, value)}</p>;
  return (
    <dl class="sheet">{Object.entries(value).map(([inner, each]) => (
      <div key={inner} class={isDeep(each) ? "deep" : ""}><dt class="quiet">{words(inner)}</dt><dd>{isDeep(each) ? <Sheet name={inner} value={each} /> : shown(inner, each)}</dd></div>))}
    </dl>
  );
}

const isName = (column: string) => column === "name" || column === "symbol";
const words = (name: string) => name.replace(/^per_s$/, "all").replace(/_per_s$/, "").replace(/_(ms|s|bytes|percent)$/, "").replaceAll("_", " ");
const tone = (value: Value) => (value === "live" || value === "ok" ? "good" : value === "failed" || value === "stale" ? "bad" : "wait");

/** By the unit that its name ends with. */
function shown(name: string, value: Value): string {
  if (value === null) return "\u2013";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") {
    if (/bytes/.test(name)) return `${bytes(value)}${/per_s/.test(name) ? "/s" : ""}`;
    if (/_ms(_ago)?$/.test(name)) return value >= 10_000 ? length(value) : `${tidy(value)} ms`;
    if (/per_s(econd)?$/.test(name)) return `${tidy(value)} /s`;
    if (/_s$/.test(name)) return value >= 60 ? length(value * 1000) : `${tidy(value)} s`;
    if (/share$/.test(name)) return percent(value, 1);
    return tidy(value);
  }
  if (typeof value === "string") return /^\d{4}-\d\d-\d\dT/.test(value) ? moment(Date.parse(value), now()) : value;
  return "";
}

const tidy = (value: number) => (Number.isInteger(value) ? value.toLocaleString("en-GB") : String(Number(value.toPrecision(3))));

const LEVELS = ["error", "warn", "info", "debug", "trace"] as const;

function Log() {
  const [level, setLevel] = useState<string>("info");
  const [lines, setLines] = useState<Line[]>([]);
  const [failed, setFailed] = useState<Refused>();
  const after = useRef(0);
  useEffect(() => {
    after.current = 0;
    setLines([]);
    const load = () => ask<{ items: Line[] }>(`/api/v1/log?level=${level}&limit=${LINES_MAX}${after.current === 0 ? "" : `&after=${after.current}`}`).then(({ items }) => {
      setFailed(undefined);
      const fresh = items.filter((line) => line.n > after.current);
      if (fresh.length === 0) return;
      after.current = Math.max(...fresh.map((line) => line.n));
      setLines((had) => [...had, ...fresh].slice(-LINES_MAX));
    }, (error: unknown) => { if (error instanceof Refused) setFailed(error); });
    void load();
    const timer = setInterval(() => { if (document.visibilityState === "visible") void load(); }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [level]);
  return (
    <section class="panel">
      <h2>Log</h2>
      <p class="row small" role="group" aria-label="At least">{LEVELS.map((each) => <button key={each} type="button" aria-pressed={each === level} onClick={() => setLevel(each)}>{each}</button>)}</p>
      {failed ? <p class="quiet small">The log cannot be shown: {failed.message}</p> : (
        <ol class="log" tabIndex={0} aria-label="Log lines, the newest first">{[...lines].reverse().map((line) => (
          <li key={line.n} class={line.level.toLowerCase()}><span class="quiet">{clockSeconds(Date.parse(line.at))}</span> <b>{line.level.toLowerCase()}</b> {line.message} <span class="quiet">{fieldsOf(line)}</span></li>))}
          {lines.length === 0 && <li class="quiet">Nothing at this level yet.</li>}
        </ol>
      )}
    </section>
  );
}

function fieldsOf({ target, fields }: Line): string {
  const all = Object.entries(fields ?? {}).map(([name, value]) => `${name}=${isDeep(value) ? JSON.stringify(value) : String(value)}`);
  return [...all, target].join(" ");
}
