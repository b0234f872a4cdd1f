// What the viewer chose. Kept in this browser only.

import { Store } from "./store";

export type Theme = "system" | "dark" | "light";
const NAME = "orion.theme";

function kept(): Theme {
  const value = localStorage.getItem(NAME);
  return value === "dark" || value === "light" ? value : "system";
}

export const theme = new Store<Theme>(kept());

/** Puts it on the page: the style sheet does the rest. */
export function applyTheme(value: Theme = theme.get()): void {
  if (value === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset["theme"] = value;
}

export function chooseTheme(value: Theme): void {
  localStorage.setItem(NAME, value);
  applyTheme(value);
  theme.set(value);
}

/** Whether it is dark now, whoever decided it. */
export function isDark(): boolean {
  const value = theme.get();
  return value === "system" ? !matchMedia("(prefers-color-scheme: light)").matches : value === "dark";
}
