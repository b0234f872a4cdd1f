import "./style.css";
import { render } from "preact";
import { App } from "./app";
import { takeFromAddress } from "./net/key";
import { follow } from "./router";
import { start } from "./state/live";
import { applyTheme } from "./state/settings";

takeFromAddress();
applyTheme();
follow();
start();
const root = document.getElementById("app");
if (root) render(<App />, root);
