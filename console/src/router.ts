// Which page is shown. The server answers each of these paths with the same document.

import { Store } from "./state/store";

export interface Place { path: string; query: URLSearchParams }

const read = (): Place => ({ path: location.pathname.replace(/\/+$/, "") || "/", query: new URLSearchParams(location.search) });

export const place = new Store<Place>(read());

export function go(to: string, isReplaced = false): void {
  if (isReplaced) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  place.set(read());
  if (!isReplaced) scrollTo(0, 0);
}

export function follow(): void {
  addEventListener("popstate", () => place.set(read()));
  // Links of our own change the page without loading it; the keys for new tabs work as always.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || event.defaultPrevented || link.target || link.origin !== location.origin) return;
    if (link.pathname.startsWith("/console/") || link.pathname.startsWith("/api/") || link.pathname === "/docs") return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

export const PAGES = [
  { path: "/", name: "Live", key: "1" },
  { path: "/chart", name: "Chart", key: "2" },
  { path: "/track-record", name: "Track record", key: "3" },
  { path: "/operations", name: "Operations", key: "4" },
] as const;
