// The key a viewer shows where the server wants one. It lives as long as the tab, and is sent to nobody else.

const NAME = "orion.key";

/** Takes a key from behind the `#` of the address, which browsers send to nobody, and takes it out of sight. */
export function takeFromAddress(): void {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  keep(key);
  history.replaceState(null, "", location.pathname + location.search);
}

export function key(): string | null {
  return sessionStorage.getItem(NAME);
}

export function keep(value: string): void {
  sessionStorage.setItem(NAME, value);
}

export function forget(): void {
  sessionStorage.removeItem(NAME);
}
