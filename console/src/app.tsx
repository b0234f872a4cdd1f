// The frame around every page: where one is, whether it is live, what time it is, and the keys.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Header } from "./parts/header";
import { Keys } from "./parts/keys";
import { Banner } from "./parts/banner";
import { Login } from "./pages/login";
import { Live } from "./pages/live";
import { Missing } from "./pages/missing";
import { place } from "./router";
import { use } from "./state/store";

/** Pages that need the drawing libraries come when they are first asked for. */
function later(load: () => Promise<ComponentType>): ComponentType {
  return function Later() {
    const [Page, setPage] = useState<ComponentType>();
    useEffect(() => { void load().then((page) => setPage(() => page)); }, []);
    return Page ? <Page /> : <p class="quiet pad" role="status">Loading.</p>;
  };
}

const Chart = later(() => import("./pages/chart").then((page) => page.ChartPage));
const SignalPage = later(() => import("./pages/signal").then((page) => page.SignalPage));
const Track = later(() => import("./pages/track").then((page) => page.TrackRecord));
const Operations = later(() => import("./pages/operations").then((page) => page.Operations));

function pageOf(path: string): ComponentType {
  if (path === "/") return Live;
  if (path === "/chart" || path.startsWith("/chart/")) return Chart;
  if (path.startsWith("/signals/")) return SignalPage;
  if (path === "/track-record") return Track;
  if (path === "/operations") return Operations;
  if (path === "/login") return Login;
  return Missing;
}

const TITLES: Record<string, string> = { "/": "Live", "/track-record": "Track record", "/operations": "Operations", "/login": "Key" };

export function App() {
  const { path } = use(place);
  const Page = pageOf(path);
  useEffect(() => {
    const [, first = ""] = path.split("/");
    document.title = `${TITLES[path] ?? (first === "chart" ? path.split("/").slice(2).join(" ") || "Chart" : "Signal")} \u00b7 ORION`;
  }, [path]);
  return (
    <>
      <a class="skip" href="#main">To the content</a>
      <Banner />
      <Header path={path} />
      <main id="main" tabIndex={-1}><Page /></main>
      <Keys />
    </>
  );
}
