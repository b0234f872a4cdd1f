// What could not be shown, why, and what helps.

import type { Refused } from "../net/rest";

export function Failed({ what, why }: { what: string; why: Refused }) {
  return (
    <div class="pad">
      <p class="none" role="alert">
        {what} cannot be shown: {why.message}.{why.remedy ? ` ${why.remedy}.` : ""}
        {(why.status === 401 || why.status === 403) && <> <a href="/login">Give a key</a></>}
      </p>
    </div>
  );
}
