// The server's names in a trader's words.

export const KILLZONES: Record<string, string> = {
  asia: "Asia", london: "London", ny_am: "New York morning", lunch: "New York lunch", pm: "New York afternoon",
};

export const CAUSES: Record<string, string> = {
  stop: "the price reached the stop first",
  missed: "the price ran away without coming to the entry",
  structure: "the structure it rested on broke",
  timeout: "the market did not agree in time",
  stale_feed: "prices stopped coming",
  restart: "the server was restarted meanwhile",
  sender: "its sender took it back",
};

export const ENDS: Record<string, string> = {
  tp1: "first target reached", tp2: "second target reached", tp3: "third target reached", tp4: "fourth target reached",
  stop: "stopped", stop_moved: "stop moved", timeout: "ended after 8 hours", closed: "no longer followed",
};

const ACRONYMS = new Map([
  ["mss", "MSS"], ["fvg", "FVG"], ["smt", "SMT"], ["ote", "OTE"], ["bos", "BOS"], ["ny", "New York"], ["am", "morning"], ["atr", "ATR"], ["ob", "order block"], ["pm", "afternoon"],
]);

/** `mss_fvg` as "MSS FVG", `turtle_soup` as "Turtle soup". */
export function setup(name: string): string {
  const text = name.split("_").map((part) => ACRONYMS.get(part) ?? part).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const CONDITIONS = new Map([
  ["rr_weighted", "reward to risk over all targets"], ["risk_spreads", "risk, in spreads"], ["risk_atr", "risk, in ATR"], ["mss", "market structure shift"],
  ["leg_fvg_atr", "fair value gap in the leg, in ATR"], ["bars_since_sweep", "bars since the sweep"],
]);

/** A condition's name: `leg_fvg_atr` as "leg FVG (in ATR)". */
export function condition(name: string): string {
  const known = CONDITIONS.get(name);
  if (known !== undefined) return known;
  const inAtr = name.endsWith("_atr");
  const words = (inAtr ? name.slice(0, -4) : name).split("_").map((part) => ACRONYMS.get(part) ?? part).join(" ");
  return inAtr ? `${words}, in ATR` : words;
}

export const killzone = (name: string) => KILLZONES[name] ?? name;

/** Reasons end in this when the market is made up; a badge says it, in the card's own place. */
export const withoutSimulated = (reason: string) => reason.replace(/ ?\(SIMULATED\)$/, "");
