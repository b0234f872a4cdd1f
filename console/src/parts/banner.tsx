// What must be known before anything on the page is believed: whether it is real, and whether it is live.

import { length } from "../format/time";
import { link, origin, silence, isLive } from "../state/live";
import { beat, use } from "../state/store";

export function Banner() {
  use(beat);
  const state = use(link);
  const { kind } = use(origin);
  return (
    <div class="banners">
      {kind === "simulated" && <p id="simulated" class="banner simulated" role="note"><b>SIMULATED</b> <span>A made-up market; nothing here is real.</span></p>}
      {kind === "recorded" && <p id="recorded" class="banner recorded" role="note"><b>RECORDED</b> <span>An old market is played again; nothing here happens now.</span></p>}
      {!isLive() && <p id="not-live" class="banner lost" role="alert">{trouble(state)}</p>}
    </div>
  );
}

function trouble(state: ReturnType<typeof link.get>) {
  const heard = silence();
  const age = Number.isFinite(heard) && heard > 2000 ? ` What you see is ${length(heard)} old.` : "";
  switch (state.state) {
    case "connecting": return <><b>NOT LIVE</b> Connecting to the server.{age}</>;
    case "open": return <><b>NOT LIVE</b> Connected, but nothing has come for {length(heard)}.</>;
    case "lost": {
      const wait = state.retryAt - performance.now();
      return <><b>NOT LIVE</b> Connection lost ({state.why}); trying again{wait > 1000 ? ` in ${length(wait)}` : ""}.{age}</>;
    }
    case "refused": return <><b>NOT LIVE</b> This server wants a key: {state.why}. <a href="/login">Give one</a></>;
  }
}
