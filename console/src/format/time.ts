// Times in the viewer's zone and in New York, and how long ago they are.

const NEW_YORK = "America/New_York";
const hour = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const seconds = { ...hour, second: "2-digit" } as const;
const day = { day: "2-digit", month: "short" } as const;
const year = { ...day, year: "numeric" } as const;

const made = new Map<string, Intl.DateTimeFormat>();

function formatter(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  let format = made.get(name);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", options);
    made.set(name, format);
  }
  return format;
}

/** 14:05, where the viewer is. */
export const clock = (ms: number) => formatter("clock", hour).format(ms);
/** 14:05:09, where the viewer is. */
export const clockSeconds = (ms: number) => formatter("seconds", seconds).format(ms);
/** 09:05, in New York. */
export const newYork = (ms: number) => formatter("ny", { ...hour, timeZone: NEW_YORK }).format(ms);
/** 09:05:09, in New York. */
export const newYorkSeconds = (ms: number) => formatter("nys", { ...seconds, timeZone: NEW_YORK }).format(ms);
/** Sunday 17:00, in New York. */
export const newYorkDay = (ms: number) =>
  formatter("nyd", { weekday: "long", ...hour, timeZone: NEW_YORK }).format(ms);
/** 28 Nov, where the viewer is. */
export const date = (ms: number) => formatter("date", day).format(ms);
/** 28 Nov 2026, where the viewer is. */
export const dateYear = (ms: number) => formatter("year", year).format(ms);
/** 28 Nov 2026, in New York. */
export const dateNewYork = (ms: number) => formatter("nyy", { ...year, timeZone: NEW_YORK }).format(ms);

/** The time alone where it is of the same day as `now`, with its date where it is not. */
export function moment(ms: number, now: number): string {
  return dateYear(ms) === dateYear(now) ? clock(ms) : `${date(ms)} ${clock(ms)}`;
}

/** In both zones: "14:05 · 09:05 New York". */
export function both(ms: number): string {
  return `${dateYear(ms)} ${clockSeconds(ms)} \u00b7 ${newYorkSeconds(ms)} New York`;
}

/** A length in words as short as they are clear: 4 s, 3 min, 2 h 05 min, 3 d. */
export function length(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** What is left, as m:ss. */
export function countdown(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
