// A value that pages look at. Whatever changes within a frame is drawn once.

import { useEffect, useState } from "preact/hooks";

const waiting = new Set<() => void>();
let isAsked = false;

/** Frames do not come to a tab that nobody sees; nothing needs to be drawn there either. */
function soon(): void {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    const all = [...waiting];
    waiting.clear();
    for (const draw of all) draw();
  });
}

export class Store<T> {
  private readonly lookers = new Set<() => void>();
  /** How often it changed. */
  changes = 0;

  constructor(private value: T) {}

  get(): T {
    return this.value;
  }

  set(value: T): void {
    this.value = value;
    this.changed();
  }

  /** What it holds was changed in place. */
  changed(): void {
    this.changes += 1;
    for (const looker of this.lookers) waiting.add(looker);
    soon();
  }

  look(looker: () => void): () => void {
    this.lookers.add(looker);
    return () => {
      this.lookers.delete(looker);
      waiting.delete(looker);
    };
  }
}

/** The store's value, and drawn again when it changes. */
export function use<T>(store: Store<T>): T {
  const [, draw] = useState({});
  const seen = store.changes;
  useEffect(() => {
    const stop = store.look(() => draw({}));
    // What changed between being drawn and looking.
    if (store.changes !== seen) draw({});
    return stop;
  }, [store]);
  return store.get();
}

/** Beats once a second, for ages and countdowns. */
export const beat = new Store(0);
setInterval(() => beat.set(beat.get() + 1), 1000);
