// Where a server wants to know who reads: a key, kept as long as the tab.

import { useState } from "preact/hooks";
import { forget, keep, key } from "../net/key";
import { go } from "../router";
import { link, reconnect } from "../state/live";
import { use } from "../state/store";

export function Login() {
  const state = use(link);
  const [text, setText] = useState("");
  const has = key() !== null;
  const submit = (event: Event) => {
    event.preventDefault();
    if (!text.trim()) return;
    keep(text.trim());
    reconnect();
    go("/");
  };
  return (
    <div class="pad narrow">
      <h1>Your key</h1>
      <p>Needed where the server wants to know who reads. Whoever keeps the server makes one with <code>orion key add NAME --for dashboard</code>. It
        reads and does nothing else, stays in this tab, and is gone when the tab is closed.</p>
      {state.state === "refused" && <p class="bad" role="alert">Not taken: {state.why}</p>}
      <form onSubmit={submit} class="row">
        <label>Key <input type="password" autocomplete="off" value={text} onInput={(event) => setText(event.currentTarget.value)} /></label>
        <button type="submit">Use it</button>
        {has && <button type="button" onClick={() => { forget(); reconnect(); }}>Forget it</button>}
      </form>
    </div>
  );
}
