"use strict";

// Tooltips, the equity's cross and the charts of single trades. All figures are on the page without it. Whatever comes from
// outside is set as text, never as markup; styles are set by property, since the page forbids style attributes.

(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const ROW = 52;                       // Pixels of a row of the list; style.css says the same.
  const MINUS = "\u2212";

  // ---- Words and numbers ----------------------------------------------------------------------------------------------

  const fixed = (value, digits) => value.toFixed(digits).replace("-", MINUS);
  const signed = (value, digits) => {
    const text = fixed(Math.abs(value), digits);
    return (Number(text) === 0 ? "" : value < 0 ? MINUS : "+") + text;
  };
  const inR = (value) => value === null ? "\u2013" : `${signed(value, 2)} R`;
  const percent = (part) => part === null ? "\u2013" : `${fixed(part * 100, 0)} %`;
  const zoned = (zone, fields) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...fields });
  const FULL = { day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };
  const HOUR = { hour: "2-digit", minute: "2-digit" };
  const DATE = { day: "2-digit", month: "short" };
  const newYork = zoned("America/New_York", FULL), utc = zoned("UTC", FULL);
  const newYorkHour = zoned("America/New_York", HOUR), utcHour = zoned("UTC", HOUR), newYorkDate = zoned("America/New_York", DATE), utcDate = zoned("UTC", DATE);
  const bothTimes = (ms) => `${newYork.format(ms)} New York\n${utc.format(ms)} UTC`;

  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }
  function draw(parent, name, attributes, text) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  }

  // ---- Tooltips -------------------------------------------------------------------------------------------------------

  const tip = byId("tip");
  function tell(text, x, y) {
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = Math.max(8, Math.min(x + 14, innerWidth - box.width - 8));
    const top = y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18;
    tip.style.transform = `translate(${left}px, ${Math.max(8, top)}px)`;
  }
  const hush = () => { tip.hidden = true; };

  // A title would be shown twice: once by the browser, late.
  for (const title of document.querySelectorAll("svg title")) {
    title.parentElement.dataset.t = title.textContent;
    title.remove();
  }
  document.addEventListener("pointerover", (event) => {
    const told = event.target.closest?.("[data-t]");
    if (told) tell(told.dataset.t, event.clientX, event.clientY);
    else if (!event.target.closest?.("[data-cross]")) hush();
  });
  document.addEventListener("pointermove", (event) => {
    const told = event.target.closest?.("[data-t]");
    if (told) tell(told.dataset.t, event.clientX, event.clientY);
  });
  addEventListener("scroll", hush, { passive: true });

  // By keyboard: arrows walk through what a picture can tell.
  for (const picture of document.querySelectorAll("svg.walk")) {
    const parts = [...picture.querySelectorAll("[data-t]")];
    let place = -1;
    const show = (next) => {
      parts[place]?.classList.remove("at");
      place = Math.max(0, Math.min(parts.length - 1, next));
      const part = parts[place];
      if (!part) return;
      part.classList.add("at");
      const box = part.getBoundingClientRect();
      tell(part.dataset.t, box.left + box.width / 2, box.top + box.height / 2);
    };
    picture.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hush();
      if (step === undefined) return;
      event.preventDefault();
      show(place + step);
    });
    picture.addEventListener("blur", () => { parts[place]?.classList.remove("at"); hush(); });
  }

  // ---- The equity's cross ---------------------------------------------------------------------------------------------

  const equity = byId("equity-plot");
  if (equity) {
    const first = data.days[0].x, last = data.days.at(-1).x;
    const crosses = equity.querySelectorAll(".cross");
    let place = data.days.length - 1;
    const words = (day) => [
      `${day.day}: ${inR(day.r)} (${day.trades} trade${day.trades === 1 ? "" : "s"}, ${day.hits} hit${day.hits === 1 ? "" : "s"})`,
      `sum after costs ${inR(day.net)}`, `before costs ${inR(day.gross)}`, `costs doubled ${inR(day.doubled)}`,
      `below the high ${fixed(day.drawdown, 2)} R`,
      ...(day.band ? [`random entries ${inR(day.band[1])} [${signed(day.band[0], 2)}, ${signed(day.band[2], 2)}]`] : []),
    ].join("\n");
    const show = (x, y) => {
      const day = data.days[place], box = equity.getBoundingClientRect();
      const part = last > first ? (day.x - data.start) / (last - data.start) : 1;
      equity.classList.add("on");
      for (const cross of crosses) { cross.setAttribute("x1", `${part * 100}%`); cross.setAttribute("x2", `${part * 100}%`); }
      tell(words(day), x ?? box.left + box.width * part, y ?? box.top + 40);
    };
    const leave = () => { equity.classList.remove("on"); hush(); };
    equity.addEventListener("pointermove", (event) => {
      const box = equity.getBoundingClientRect();
      const wanted = data.start + (event.clientX - box.left) / box.width * (last - data.start);
      let low = 0, high = data.days.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (data.days[middle].x < wanted) low = middle + 1; else high = middle;
      }
      place = low > 0 && wanted - data.days[low - 1].x < data.days[low].x - wanted ? low - 1 : low;
      show(event.clientX, event.clientY);
    });
    equity.addEventListener("pointerleave", leave);
    equity.addEventListener("blur", leave);
    equity.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 20, PageUp: -20, Home: -1e9, End: 1e9 }[event.key];
      if (event.key === "Escape") leave();
      if (step === undefined) return;
      event.preventDefault();
      place = Math.max(0, Math.min(data.days.length - 1, place + step));
      show();
    });
  }

  // ---- The list of trades ---------------------------------------------------------------------------------------------

  addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details")) part.open = true; });
  const list = byId("list");
  if (!list) return;
  const rows = byId("rows"), detail = byId("detail"), counted = byId("counted");
  const filters = Object.fromEntries([...document.querySelectorAll("#filters select")].map((select) => [select.name, select]));
  const RESULTS = {
    hit: (trade) => trade.hit, miss: (trade) => !trade.hit, gain: (trade) => trade.net > 0, loss: (trade) => trade.net <= 0,
    ambiguous: (trade) => trade.ambiguous, timeout: (trade) => trade.steps.some((step) => step[1] === "timeout"),
  };
  const ORDERS = {
    time: null, newest: (one, other) => other.created - one.created, best: (one, other) => other.net - one.net,
    worst: (one, other) => one.net - other.net, longest: (one, other) => (other.ended - other.confirmed) - (one.ended - one.confirmed),
  };
  let shown = data.trades, chosen = null;

  function wilson(hits, n) {
    const z = 1.96, p = hits / n, below = 1 + z * z / n, middle = p + z * z / (2 * n);
    const half = z * Math.sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return [(middle - half) / below, (middle + half) / below];
  }
  function count() {
    const n = shown.length, hits = shown.filter((trade) => trade.hit).length;
    const sum = shown.reduce((sum, trade) => sum + trade.net, 0);
    const all = data.trades.length, words = all < data.all ? "listed trades" : "trades";
    let text = `${n.toLocaleString("en-GB")} of ${all.toLocaleString("en-GB")} ${words}`;
    if (n >= data.least) {
      const [low, high] = wilson(hits, n);
      text += `, hits ${percent(hits / n)} [${fixed(low * 100, 0)}, ${fixed(high * 100, 0)}], sum ${inR(sum)}`;
    } else if (n > 0) {
      text += `, ${hits} hit${hits === 1 ? "" : "s"}, sum ${inR(sum)}: not enough data to say more`;
    }
    counted.textContent = n < all && n > 0 ? `${text}. What is chosen after looking is one more trial.` : `${text}.`;
  }
  function sift() {
    const is = (name, trade) => !filters[name].value || trade[name] === filters[name].value;
    const result = RESULTS[filters.result.value] ?? (() => true);
    const drawn = (trade) => filters.chart.value !== "drawn" || trade.bars;
    shown = data.trades.filter((trade) => ["symbol", "setup", "killzone", "side"].every((name) => is(name, trade)) && result(trade) && drawn(trade));
    const order = ORDERS[filters.order.value];
    if (order) shown.sort(order);
    rows.style.height = `${shown.length * ROW}px`;
    list.scrollTop = 0;
    count();
    fill();
    buttons();
  }
  function line(place) {
    const trade = shown[place];
    const row = make("div", { class: "row", role: "option", id: `row-${place}`, "aria-selected": trade === chosen, "aria-setsize": shown.length, "aria-posinset": place + 1 },
      make("span", {}, make("b", {}, trade.symbol), make("span", {}, trade.side)),
      make("b", { class: trade.net > 0 ? "good" : "bad" }, inR(trade.net)),
      make("small", {}, trade.reason), make("small", {}, newYork.format(trade.entered)));
    row.style.top = `${place * ROW}px`;
    row.addEventListener("click", () => open(place));
    return row;
  }
  // Only the rows that are in sight are there.
  function fill() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4);
    const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 4);
    rows.replaceChildren(...Array.from({ length: Math.max(0, last - first) }, (_, index) => line(first + index)));
    if (!shown.length) rows.append(make("p", { class: "none" }, "No trade is so."));
    const place = shown.indexOf(chosen);
    if (place >= first && place < last) list.setAttribute("aria-activedescendant", `row-${place}`);
    else list.removeAttribute("aria-activedescendant");
  }
  function open(place) {
    if (!shown.length) return;
    place = Math.max(0, Math.min(shown.length - 1, place));
    chosen = shown[place];
    const top = place * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    fill();
    show(chosen);
    buttons();
  }
  const before = byId("before"), after = byId("after");
  function buttons() {
    const place = shown.indexOf(chosen);
    before.disabled = place <= 0;
    after.disabled = !shown.length || place === shown.length - 1;
  }
  before.addEventListener("click", () => open(shown.indexOf(chosen) - 1));
  after.addEventListener("click", () => open(shown.indexOf(chosen) + 1));
  byId("trades").addEventListener("keydown", (event) => {
    if (event.target.closest("select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.floor(list.clientHeight / ROW), place = shown.indexOf(chosen);
    const next = { ArrowLeft: place - 1, ArrowUp: place - 1, k: place - 1, ArrowRight: place + 1, ArrowDown: place + 1, j: place + 1, PageUp: place - page, PageDown: place + page, Home: 0, End: shown.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    open(next);
  });
  list.addEventListener("scroll", fill, { passive: true });
  for (const select of Object.values(filters)) select.addEventListener("change", sift);

  // ---- One trade ------------------------------------------------------------------------------------------------------

  const STEPS = { stop: "stop", stop_moved: "stop moved to", timeout: "time is over", closed: "no longer followed" };
  const stepName = (kind) => STEPS[kind] ?? (/^tp\d+$/.test(kind) ? `target ${kind.slice(2)}` : kind);
  const price = (trade, value) => fixed(value, trade.digits);
  function duration(ms) {
    const minutes = Math.round(ms / 60000);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }
  function facts(trade) {
    const pairs = [
      ["after costs", inR(trade.net)], ["before costs", inR(trade.gross)], ["costs", `${fixed(trade.cost, 3)} R`],
      ["confidence shown", percent(trade.confidence)], ["chance at the fill", percent(trade.odds)], ["reward to risk", fixed(trade.rr, 2)],
      ["best while it ran", inR(trade.mfe)], ["worst while it ran", inR(trade.mae && -trade.mae)], ["ran for", duration(trade.ended - trade.confirmed)],
      ["entry", price(trade, trade.entry)], ["fill", price(trade, trade.fill)], ["spread", price(trade, trade.spread)],
      ["stop", price(trade, trade.stop)], ...trade.targets.map(([level, part, runner], index) => [runner ? `runner, ${part} %` : `target ${index + 1}, ${part} %`, price(trade, level)]),
    ];
    return make("dl", { class: "facts" }, ...pairs.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  }
  function life(trade) {
    const steps = [[trade.created, "told, pending", trade.entry, null], [trade.confirmed, "confirmed, filled", trade.fill, null],
      ...trade.steps.map(([at, kind, level, r]) => [at, stepName(kind), level, r])];
    const row = ([at, name, level, r]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, price(trade, level)),
      make("td", {}, r === null ? "" : inR(r)), make("td", {}, newYork.format(at)), make("td", {}, utc.format(at)));
    const head = make("tr", {}, ...["", "price", "from entry", "New York", "UTC"].map((name) => make("th", { scope: "col" }, name)));
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "what happened" },
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...steps.map(row))));
  }
  function show(trade) {
    const chart = make("div", { id: "chart" });
    const marks = [["ambiguous", "stop and target in one bar: no hit"], ["coarse", "judged by coarse bars"], ["simulated", "SIMULATED"], ["training", "of a model's training: it counts nowhere"]];
    const parts = [
      make("div", { class: "title" },
        make("h3", {}, `${trade.symbol} ${trade.side}`), make("span", { class: `result ${trade.net > 0 ? "good" : "bad"}` }, inR(trade.net)),
        make("span", { class: "quiet" }, `${trade.reason}, ${trade.timeframe} bars, ${data.killzones[trade.killzone] ?? trade.killzone}, ${trade.hit ? "hit" : "no hit"}`)),
      make("p", { class: "quiet small" }, `${newYork.format(trade.entered)} New York, ${utc.format(trade.entered)} UTC`),
      make("p", { class: "warn small" }, marks.filter(([name]) => trade[name]).map(([, words]) => words).join("; ")),
      chart, facts(trade), life(trade),
    ];
    const held = (trade.conditions ?? []).map((condition) => condition.replaceAll("_", " "));
    if (held.length) parts.push(make("p", { class: "small quiet" }, `Held when it fired: ${held.join("; ")}.`));
    if (trade.gate) parts.push(make("p", { class: "small warn" }, `A limit of the portfolio spoke against it: ${trade.gate.replaceAll("_", " ")}.`));
    if (trade.model) parts.push(make("p", { class: "small quiet" }, `Rated by the model ${trade.model}.`));
    parts.push(make("p", { class: "small quiet" }, `Signal ${trade.id}.`));
    detail.replaceChildren(...parts);
    if (trade.bars) picture(trade, chart);
    else chart.append(make("p", { class: "none" }, "The bars of this trade were not kept: only some trades are drawn, evenly chosen. More with --charts N."));
  }

  // Numbers in base 32, the lowest digit first, in the alphabet of base64: the upper half of it says that more follow. The
  // lowest bit is the sign (as source maps write theirs).
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  function* numbers(text) {
    let value = 0, weight = 1;
    for (const letter of text) {
      const digit = ALPHABET.indexOf(letter);
      value += (digit % 32) * weight;
      weight *= 32;
      if (digit < 32) {
        yield (value % 2 ? -1 : 1) * Math.floor(value / 2);
        value = 0;
        weight = 1;
      }
    }
  }
  // Each bar is told by what differs from the one before: the step of time, the open, and high, low and close from it.
  function bars(trade) {
    const all = [...numbers(trade.bars)], unit = 10 ** -(trade.digits + 1), found = [];
    let time = 0, step = 0, close = 0;
    for (let at = 0; at + 4 < all.length; at += 5) {
      step += all[at];
      time += step;
      const open = close + all[at + 1];
      close = open + all[at + 4];
      found.push({ time: time * 1000, open: open * unit, high: (Math.max(open, close) + all[at + 2]) * unit, low: (Math.min(open, close) - all[at + 3]) * unit, close: close * unit });
      if (at === 0) step = 0;
    }
    return found;
  }

  function picture(trade, holder) {
    const found = bars(trade);
    let width = 0;
    const again = () => {
      if (holder.clientWidth && holder.clientWidth !== width) {
        width = holder.clientWidth;
        holder.replaceChildren(candles(trade, found, width));
      }
    };
    again();
    new ResizeObserver(again).observe(holder);
  }
  function candles(trade, found, width) {
    const height = width < 500 ? 340 : 430, right = 8 + 7.2 * (Math.max(price(trade, trade.entry).length, 5) + 7), bottom = 40, top = 8;
    const wide = width - right, high = height - bottom - top, stride = wide / found.length;
    const levels = [trade.entry, trade.stop, trade.fill, ...trade.targets.map((target) => target[0]), ...trade.steps.map((step) => step[2])];
    let lowest = Math.min(...levels, ...found.map((bar) => bar.low)), highest = Math.max(...levels, ...found.map((bar) => bar.high));
    const room = (highest - lowest || 1) * .04;
    lowest -= room; highest += room;
    const y = (value) => top + (highest - value) / (highest - lowest) * high;
    const length = found.length > 1 ? Math.min(...found.slice(1).map((bar, index) => bar.time - found[index].time)) : 300000;
    const x = (time) => {
      let place = found.findLastIndex((bar) => bar.time <= time);
      if (place < 0) return 0;
      const part = Math.min(1, (time - found[place].time) / length);
      return Math.min(wide, (place + part) * stride);
    };
    const picture = document.createElementNS(SVG, "svg");
    const said = `Bars of ${trade.timeframe} around this trade, with entry, stop, targets and what happened; the table below says the same.`;
    for (const [key, value] of Object.entries({ width, height, role: "img", "aria-label": said, "data-cross": "" })) picture.setAttribute(key, value);
    const put = (name, attributes, text) => draw(picture, name, attributes, text);
    const words = axes(put, found, { wide, high, top, stride, lowest, highest, y, digits: trade.digits });

    const from = x(trade.entered), filled = x(trade.confirmed), until = Math.max(x(trade.ended), filled + 2);
    const zone = (kind, level) => put("rect", { class: kind, x: filled, width: until - filled, y: Math.min(y(trade.entry), y(level)), height: Math.abs(y(trade.entry) - y(level)) });
    zone("risk", trade.stop);
    if (trade.targets.length) zone("reward", trade.targets.at(-1)[0]);
    const body = Math.max(1, Math.min(12, Math.round(stride * .64)));
    found.forEach((bar, index) => {
      const middle = Math.round((index + .5) * stride) + .5, kind = `candle ${bar.close >= bar.open ? "up" : "down"}`;
      put("line", { class: kind, x1: middle, x2: middle, y1: y(bar.high), y2: y(bar.low) });
      put("rect", { class: kind, x: middle - body / 2, width: body, y: y(Math.max(bar.open, bar.close)), height: Math.max(1, Math.abs(y(bar.open) - y(bar.close))) });
    });
    words();

    const level = (kind, value) => put("line", { class: `level ${kind}`, x1: from, x2: until, y1: y(value), y2: y(value) });
    level("entry", trade.entry);
    trade.targets.forEach((target) => level("target", target[0]));
    let path = `M${from} ${y(trade.stop)}`, last = trade.stop;
    for (const [at, kind, moved] of trade.steps) if (kind === "stop_moved") { path += `H${x(at)}V${y(moved)}`; last = moved; }
    put("path", { class: "level stop", d: `${path}H${until}` });
    const labels = [["entry", `${price(trade, trade.entry)} entry`, trade.entry], ["stop", `${price(trade, trade.stop)} stop`, trade.stop],
      ...(last === trade.stop ? [] : [["stop", `${price(trade, last)} stop`, last]]),
      ...trade.targets.map((target, index) => ["target", `${price(trade, target[0])} ${target[2] ? "run" : `TP${index + 1}`}`, target[0]])];
    labels.sort((one, other) => other[2] - one[2]);
    let used = -Infinity;
    for (const [kind, text, value] of labels) {
      used = Math.max(used + 13, y(value) + 4);
      put("text", { class: kind, x: wide + 6, y: used }, text);
    }

    const mark = (kind, time, value, text) => draw(put("circle", { class: `mark ${kind}`, cx: x(time), cy: y(value), r: 5, "data-t": `${text} at ${price(trade, value)}\n${bothTimes(time)}` }), "desc", {}, text);
    mark("born", trade.entered, trade.entry, "signal");
    mark("fill", trade.confirmed, trade.fill, "confirmed, filled");
    for (const [at, kind, value] of trade.steps) if (kind !== "stop_moved") mark(kind.startsWith("tp") ? "target" : "out", at, value, stepName(kind));
    cross(picture, put, found, trade, { wide, stride, top, high });
    return picture;
  }
  // Draws the lines, and gives what draws their words, which go over the bars.
  function axes(put, found, { wide, high, top, stride, lowest, highest, y, digits }) {
    const texts = [];
    const rough = (highest - lowest) / 6, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
    for (let value = Math.ceil(lowest / step) * step; value < highest; value += step) {
      put("line", { class: "grid", x1: 0, x2: wide, y1: y(value), y2: y(value) });
      texts.push([{ x: 2, y: y(value) - 3 }, fixed(value, digits)]);
    }
    // Where days go by, the hour says too little.
    const isLong = found.at(-1).time - found[0].time > 129600000;
    const every = Math.ceil((isLong ? 120 : 84) / stride), half = isLong ? 56 : 36;
    const date = (clock, time) => isLong ? `${clock.format(time)} ` : "";
    for (let place = every >> 1; place < found.length; place += every) {
      const x = (place + .5) * stride, { time } = found[place], middle = { x: Math.max(half, x), "text-anchor": "middle" };
      put("line", { class: "grid", x1: x, x2: x, y1: top, y2: top + high });
      texts.push([{ ...middle, y: top + high + 16 }, `${date(newYorkDate, time)}${newYorkHour.format(time)} NY`]);
      texts.push([{ ...middle, y: top + high + 30 }, `${date(utcDate, time)}${utcHour.format(time)} UTC`]);
    }
    return () => texts.forEach(([attributes, text]) => put("text", attributes, text));
  }
  function cross(picture, put, found, trade, { wide, stride, top, high }) {
    const line = put("line", { class: "cross", y1: top, y2: top + high });
    picture.addEventListener("pointermove", (event) => {
      if (event.target.closest("[data-t]")) return;
      const place = Math.floor((event.clientX - picture.getBoundingClientRect().left) / stride), bar = found[place];
      picture.classList.toggle("on", !!bar);
      if (!bar) return hush();
      const middle = Math.min(wide, (place + .5) * stride);
      line.setAttribute("x1", middle); line.setAttribute("x2", middle);
      const values = [["open", bar.open], ["high", bar.high], ["low", bar.low], ["close", bar.close]].map(([name, value]) => `${name} ${price(trade, value)}`);
      tell(`${bothTimes(bar.time)}\n${values.join("\n")}`, event.clientX, event.clientY);
    });
    picture.addEventListener("pointerleave", () => { picture.classList.remove("on"); hush(); });
  }

  sift();
})();
