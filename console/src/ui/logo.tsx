import type { JSX } from "preact";

export function Logo(): JSX.Element {
  return (
    <svg viewBox="0 0 22 22" aria-hidden="true">
      <g fill="var(--accent)">
        <rect x="1" y="14" width="3.4" height="6" rx="1" opacity=".35" />
        <rect x="5.7" y="11" width="3.4" height="9" rx="1" opacity=".55" />
        <rect x="10.4" y="8" width="3.4" height="12" rx="1" opacity=".8" />
      </g>
      <rect x="15.1" y="5" width="3.4" height="15" rx="1" fill="var(--ok)" />
      <path d="M2 8.5C7 8 11 5.5 14 1.8" fill="none" stroke="var(--accent)" stroke-width="1.7" stroke-linecap="round" />
    </svg>
  );
}
