// Where one is, the pages, the clocks and the switch between dark and light.

import { clockSeconds, newYorkSeconds, dateNewYork, dateYear } from "../format/time";
import { now, skew } from "../net/clock";
import { PAGES } from "../router";
import { isLive, link, origin } from "../state/live";
import { chooseTheme, isDark, theme } from "../state/settings";
import { beat, use } from "../state/store";
import { openKeys } from "./keys";

export function Header({ path }: { path: string }) {
  const isHere = (page: string) => path === page || (page !== "/" && path.startsWith(`${page}/`));
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="ORION, live">ORION</a>
      <State />
      <nav aria-label="Pages">
        {PAGES.map((page) => (
          <a key={page.path} href={page.path} aria-current={isHere(page.path) ? "page" : undefined} aria-keyshortcuts={page.key}>{page.name}</a>
        ))}
      </nav>
      <Clocks />
      <span class="tools">
        <ThemeSwitch />
        <button type="button" class="tool" onClick={openKeys} aria-keyshortcuts="?" aria-label="Keys and search" title="Keys and search (?)">?</button>
      </span>
    </header>
  );
}

function State() {
  use(beat);
  const state = use(link);
  const live = isLive();
  const word = live ? "live" : state.state === "connecting" ? "connecting" : "not live";
  return <span id="state" class={`state ${live ? "good" : "bad"}`} role="status">{word}</span>;
}

function Clocks() {
  use(beat);
  const { kind } = use(origin);
  const at = now();
  const off = kind === "recorded" ? 0 : skew();
  return (
    <span class="clocks" id="clock">
      <Face at={clockSeconds(at)} where="here" day={dateYear(at)} />
      <Face at={newYorkSeconds(at)} where="New York" day={dateNewYork(at)} />
      {kind === "recorded" && <span>{dateYear(at)}</span>}
      {Math.abs(off) > 5000 && <span class="wait" title="Times here are the server's">this device's clock is off</span>}
    </span>
  );
}

/** Hours and minutes everywhere, seconds where there is room. */
function Face({ at, where, day }: { at: string; where: string; day: string }) {
  return <span title={day}>{at.slice(0, 5)}<span class="seconds">{at.slice(5)}</span> <small>{where}</small></span>;
}

function ThemeSwitch() {
  use(theme);
  const dark = isDark();
  return (
    <button type="button" class="tool" aria-label={dark ? "Light colours" : "Dark colours"} title={dark ? "Light colours (t)" : "Dark colours (t)"}
      onClick={() => chooseTheme(dark ? "light" : "dark")}>{dark ? "\u2600" : "\u263e"}</button>
  );
}
