// Numbers as a trader reads them.

const MINUS = "\u2212";

/** A price at its instrument's digits. */
export function price(value: number, digits: number): string {
  return value.toFixed(digits);
}

/** With its sign, and a real minus. */
export function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value < 0 ? MINUS : "+"}${text}`;
}

/** Multiples of the risk. */
export function inR(value: number, digits = 2): string {
  return `${signed(value, digits)}\u00a0R`;
}

/** A share of one as whole percent. */
export function percent(share: number, digits = 0): string {
  return `${(share * 100).toFixed(digits)}\u00a0%`;
}

/** Bytes, counted in 1024s. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let place = 0;
  let left = value;
  while (left >= 1024 && place < units.length - 1) {
    left /= 1024;
    place += 1;
  }
  return `${left.toFixed(place === 0 || left >= 100 ? 0 : 1)} ${units[place]}`;
}

/** How many digits a price had in the text it came in: JSON numbers lose the zeros at the end. */
export function digitsIn(text: string, field: string): number | undefined {
  const found = new RegExp(`"${field}":-?\\d+(?:\\.(\\d+))?`).exec(text);
  return found ? (found[1] ?? "").length : undefined;
}
