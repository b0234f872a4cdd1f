// The keyboard: pages by number, a symbol by its name, and a list of all keys.

import { useEffect, useRef, useState } from "preact/hooks";
import { PAGES, go } from "../router";
import { inOrder, markets } from "../state/markets";
import { chooseTheme, isDark } from "../state/settings";
import { Store, use } from "../state/store";

const shown = new Store<"none" | "keys" | "search">("none");
export const openKeys = () => shown.set("keys");

const KEYS: [string, string][] = [
  ["1 \u2013 4", "Live, Chart, Track record, Operations"],
  ["/", "Find a symbol and open its chart"],
  ["\u2191 \u2193", "Move through markets and signals"],
  ["Enter", "Open what is chosen"],
  ["\u2190 \u2192", "On the chart: back and forth in time"],
  ["[ ]", "On the chart: shorter and longer timeframe"],
  ["r", "On the chart: as most indicators draw it"],
  ["t", "Dark or light"],
  ["?", "These keys"],
  ["Esc", "Close"],
];

export function Keys() {
  const what = use(shown);
  useEffect(() => {
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
  return what === "none" ? null : <Dialog what={what} />;
}

function press(event: KeyboardEvent): void {
  const at = event.target;
  const isTyping = at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement;
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping || shown.get() !== "none") return;
  const page = PAGES.find((each) => each.key === event.key);
  if (page) go(page.path);
  else if (event.key === "?") shown.set("keys");
  else if (event.key === "/") shown.set("search");
  else if (event.key === "t") chooseTheme(isDark() ? "light" : "dark");
  else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && move(event.key === "ArrowDown" ? 1 : -1)) {
    // Moved.
  } else return;
  event.preventDefault();
}

/** To the next or former thing of the page that can be chosen. */
function move(step: number): boolean {
  const all = [...document.querySelectorAll<HTMLElement>("[data-walk]")];
  if (all.length === 0) return false;
  const here = all.indexOf(document.activeElement as HTMLElement);
  const next = all[Math.min(all.length - 1, Math.max(0, here < 0 ? 0 : here + step))];
  next?.focus();
  return true;
}

function Dialog({ what }: { what: "keys" | "search" }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => { box.current?.showModal(); }, []);
  const close = () => shown.set("none");
  return (
    <dialog ref={box} class="dialog" onClose={close} onClick={(event) => event.target === box.current && close()} aria-label={what === "keys" ? "Keys" : "Find a symbol"}>
      <Search close={close} />
      {what === "keys" && (
        <dl class="keys">{KEYS.map(([key, means]) => <><dt><kbd>{key}</kbd></dt><dd>{means}</dd></>)}</dl>
      )}
    </dialog>
  );
}

function Search({ close }: { close: () => void }) {
  const all = use(markets);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const found = inOrder(all).filter((market) => `${market.symbol} ${market.info?.name ?? ""}`.toUpperCase().includes(text.toUpperCase()));
  const open = (symbol: string | undefined) => {
    if (symbol === undefined) return;
    close();
    go(`/chart/${symbol}/5m`);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setChosen(Math.min(found.length - 1, chosen + 1));
    else if (event.key === "ArrowUp") setChosen(Math.max(0, chosen - 1));
    else if (event.key === "Enter") open(found[chosen]?.symbol);
    else return;
    event.preventDefault();
  };
  return (
    <div class="search">
      <label>Symbol <input autoFocus value={text} spellcheck={false} autocomplete="off" onInput={(event) => { setText(event.currentTarget.value); setChosen(0); }} onKeyDown={press} /></label>
      <ul>
        {found.map((market, place) => (
          <li key={market.symbol}><button type="button" class={place === chosen ? "chosen" : ""} onClick={() => open(market.symbol)}><b>{market.symbol}</b> <span class="quiet">{market.info?.name ?? ""}</span></button></li>
        ))}
        {found.length === 0 && <li class="quiet">No such symbol here.</li>}
      </ul>
    </div>
  );
}
