// Filters to choose from: the four that everybody needs.
import type { JSX } from "preact";
import { t } from "../strings";
import { Icon } from "./base";

export const READY_MADE: [string, string][] = [
  [t.saved.failed, "status=in=(failed,reverted)"],
  [t.saved.drifted, "status==drifted"],
  [t.saved.pending, "status==pending"],
  [t.saved.silent, "lastseen=lt=${overdue_ts}"],
  [t.saved.quarantined, "quarantined==true"],
];

export function SavedFilters({ query, apply }: { query: string; apply: (query: string) => void }): JSX.Element {
  return (
    <div class="row wrap hscroll" role="group" aria-label={t.saved.label}>
      {READY_MADE.map(([words, filter]) => (
        <button key={filter} type="button" class={`chip${query === filter ? " on" : ""}`} aria-pressed={query === filter} onClick={() => apply(query === filter ? "" : filter)}>
          <Icon name="star" />
          {words}
        </button>
      ))}
    </div>
  );
}
