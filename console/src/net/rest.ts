// The REST surface under /api/v1.

import { key } from "./key";

/** Why an answer did not come: what the server said, and what helps. */
export class Refused extends Error {
  constructor(readonly status: number, message: string, readonly remedy?: string) {
    super(message);
  }
}

/** Asks for JSON. An answer that is not 2xx is a `Refused`. */
export async function ask<T>(path: string, abort?: AbortSignal): Promise<T> {
  const token = key();
  const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  let response: Response;
  try {
    response = await fetch(path, { headers, signal: abort ?? AbortSignal.timeout(20_000) });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refused(0, "the server does not answer");
  }
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as T;
}

async function refusal(response: Response): Promise<Refused> {
  try {
    const told = (await response.json()) as { error?: string; remedy?: string };
    return new Refused(response.status, told.error ?? response.statusText, told.remedy);
  } catch {
    return new Refused(response.status, response.statusText || `answer ${response.status}`);
  }
}
