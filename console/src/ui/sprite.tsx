/* The one sprite: icons (i-) and status glyphs (g-), each distinct without colour. */
export function Sprite() {
  return (
    <svg width="0" height="0" class="sprite" aria-hidden="true">
      <symbol id="g-approval" viewBox="0 0 16 16"><rect x="1.7" y="3" width="12.6" height="10" rx="2" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M4.5 10.2c1-2 1.6-3.4 2.3-3.4.9 0-.3 3.3.6 3.3.7 0 .9-1.4 1.6-1.4s.5 1.4 2.5 1.4" fill="none" stroke="currentColor" stroke-width="1.3" stroke-linecap="round"/></symbol>
      <symbol id="g-claimed" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="2.6 1.9"/><path d="M5 8.3l2 2 4-4.3" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/></symbol>
      <symbol id="g-confirmed" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="currentColor"/><path d="M4.7 8.3l2.3 2.2 4.4-4.8" fill="none" stroke="var(--surface)" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></symbol>
      <symbol id="g-drifted" viewBox="0 0 16 16"><path d="M8 1.2 15.3 14H.7z" fill="currentColor"/><path d="M5.4 8.6h5.2M5.4 11.2h5.2M9.6 6.7l-3.2 6" stroke="var(--surface)" stroke-width="1.3" stroke-linecap="round"/></symbol>
      <symbol id="g-failed" viewBox="0 0 16 16"><path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z" fill="currentColor"/><path d="M5.5 5.5l5 5M10.5 5.5l-5 5" stroke="var(--surface)" stroke-width="1.8" stroke-linecap="round"/></symbol>
      <symbol id="g-none" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.5"/></symbol>
      <symbol id="g-paused" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M6.3 5.5v5M9.7 5.5v5" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"/></symbol>
      <symbol id="g-quarantined" viewBox="0 0 16 16"><path d="M8 .8 14.3 4.4v7.2L8 15.2 1.7 11.6V4.4z" fill="currentColor"/><path d="M4.5 8h7" stroke="var(--surface)" stroke-width="2" stroke-linecap="round"/></symbol>
      <symbol id="g-reverted" viewBox="0 0 16 16"><rect x="1" y="1" width="14" height="14" rx="3" fill="currentColor"/><path d="M6.3 4.2 4 6.5l2.3 2.3M4.2 6.5h4.6a2.6 2.6 0 0 1 0 5.2H6" fill="none" stroke="var(--surface)" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/></symbol>
      <symbol id="g-running" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="currentColor"/><path d="M6.5 4.9 11 8l-4.5 3.1z" fill="var(--surface)"/></symbol>
      <symbol id="g-silent" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M3.7 12.3l8.6-8.6" stroke="currentColor" stroke-width="1.5"/></symbol>
      <symbol id="g-stopped" viewBox="0 0 16 16"><rect x="1.5" y="1.5" width="13" height="13" rx="2" fill="currentColor"/><rect x="5" y="5" width="6" height="6" fill="var(--surface)"/></symbol>
      <symbol id="g-unknown" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="1 2"/><path d="M6.2 6.3a1.9 1.9 0 1 1 2.6 1.8c-.5.2-.8.6-.8 1.2M8 11.5v.1" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round"/></symbol>
      <symbol id="g-updating" viewBox="0 0 16 16"><path d="M2 13V9.5h2V13zM5.3 13V7h2v6zM8.7 13V4.5h2V13z" fill="currentColor"/><path d="M12 13V2.5h2V13z" fill="none" stroke="currentColor" stroke-width="1"/></symbol>
      <symbol id="g-waiting" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M8 4.7V8l2.2 1.5" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round"/></symbol>
      <symbol id="g-warn" viewBox="0 0 16 16"><path d="M8 1.2 15.3 14H.7z" fill="currentColor"/><path d="M8 6v3.8M8 11.9v.1" stroke="var(--surface)" stroke-width="1.8" stroke-linecap="round"/></symbol>
      <symbol id="i-check" viewBox="0 0 16 16"><path d="M3 8.5l3.2 3L13 4.5"/></symbol>
      <symbol id="i-cols" viewBox="0 0 16 16"><rect x="2.5" y="3" width="11" height="10" rx="1"/><path d="M6.2 3v10M9.8 3v10"/></symbol>
      <symbol id="i-copy" viewBox="0 0 16 16"><rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5v-1A1.5 1.5 0 0 0 9 3H4.5A1.5 1.5 0 0 0 3 4.5V9a1.5 1.5 0 0 0 1.5 1.5h1"/></symbol>
      <symbol id="i-devices" viewBox="0 0 16 16"><rect x="4.5" y="4.5" width="7" height="7" rx="1"/><path d="M6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14"/></symbol>
      <symbol id="i-doc" viewBox="0 0 16 16"><path d="M4 1.8h5.5L12.5 5v9.2H4z"/><path d="M9.3 2v3.2h3M6 8h4.5M6 10.5h4.5"/></symbol>
      <symbol id="i-down" viewBox="0 0 16 16"><path d="M4 6l4 4 4-4"/></symbol>
      <symbol id="i-download" viewBox="0 0 16 16"><path d="M8 2.5V10M4.8 7.2 8 10.4l3.2-3.2M2.5 11v2.5h11V11"/></symbol>
      <symbol id="i-eye" viewBox="0 0 16 16"><path d="M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8z"/><circle cx="8" cy="8" r="2"/></symbol>
      <symbol id="i-filter" viewBox="0 0 16 16"><path d="M2 3.5h12l-4.5 5.2V13L6.5 11.5V8.7z"/></symbol>
      <symbol id="i-key" viewBox="0 0 16 16"><circle cx="5" cy="11" r="2.7"/><path d="M7 9l6-6M11 5l1.8 1.8M9 7l1.3 1.3"/></symbol>
      <symbol id="i-left" viewBox="0 0 16 16"><path d="M10 4L6 8l4 4"/></symbol>
      <symbol id="i-lock" viewBox="0 0 16 16"><rect x="3.5" y="7" width="9" height="6.5" rx="1"/><path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2"/></symbol>
      <symbol id="i-more" viewBox="0 0 16 16"><circle cx="3.5" cy="8" r=".8" fill="currentColor"/><circle cx="8" cy="8" r=".8" fill="currentColor"/><circle cx="12.5" cy="8" r=".8" fill="currentColor"/></symbol>
      <symbol id="i-nocloud" viewBox="0 0 16 16"><path d="M4.5 12.5h7a2.7 2.7 0 0 0 1-5.2A4 4 0 0 0 6 4.2M4 6.5a3 3 0 0 0 .5 6M2 2l12 12"/></symbol>
      <symbol id="i-overview" viewBox="0 0 16 16"><path d="M2.5 11.5a5.5 5.5 0 1 1 11 0"/><path d="M8 11.5l2.6-4"/><path d="M1.5 13.5h13"/></symbol>
      <symbol id="i-pause" viewBox="0 0 16 16"><path d="M5.5 3.5v9M10.5 3.5v9"/></symbol>
      <symbol id="i-plus" viewBox="0 0 16 16"><path d="M8 3v10M3 8h10"/></symbol>
      <symbol id="i-refresh" viewBox="0 0 16 16"><path d="M13 8a5 5 0 1 1-1.5-3.6L13 6M13 2.8V6H9.8"/></symbol>
      <symbol id="i-releases" viewBox="0 0 16 16"><path d="M2.5 5 8 2l5.5 3v6L8 14l-5.5-3z"/><path d="M2.5 5 8 8l5.5-3M8 8v6"/></symbol>
      <symbol id="i-right" viewBox="0 0 16 16"><path d="M6 4l4 4-4 4"/></symbol>
      <symbol id="i-rollouts" viewBox="0 0 16 16"><path d="M2 13.5h3.5v-3H9v-3h3.5V3"/><path d="M10.3 5.2 12.5 2.8l2.2 2.4"/></symbol>
      <symbol id="i-search" viewBox="0 0 16 16"><circle cx="7" cy="7" r="4.5"/><path d="M10.5 10.5 14 14"/></symbol>
      <symbol id="i-security" viewBox="0 0 16 16"><path d="M8 1.8 13 3.6v3.7c0 3.2-2 5.6-5 6.9-3-1.3-5-3.7-5-6.9V3.6z"/><path d="M5.8 8l1.6 1.6L10.4 6.5"/></symbol>
      <symbol id="i-send" viewBox="0 0 16 16"><path d="M14 2 7 9M14 2 9.5 14 7 9 2 6.5z"/></symbol>
      <symbol id="i-settings" viewBox="0 0 16 16"><path d="M2 4.5h7M12.5 4.5H14M2 11.5h1.5M7 11.5h7"/><circle cx="10.7" cy="4.5" r="1.7"/><circle cx="5.2" cy="11.5" r="1.7"/></symbol>
      <symbol id="i-star" viewBox="0 0 16 16"><path d="M4 2.5h8V14l-4-3-4 3z"/></symbol>
      <symbol id="i-stop" viewBox="0 0 16 16"><rect x="4" y="4" width="8" height="8" rx="1"/></symbol>
      <symbol id="i-theme" viewBox="0 0 16 16"><circle cx="8" cy="8" r="5.5"/><path d="M8 2.5v11a5.5 5.5 0 0 0 0-11z" fill="currentColor" stroke="none"/></symbol>
      <symbol id="i-undo" viewBox="0 0 16 16"><path d="M5.5 3 2.5 6l3 3"/><path d="M2.5 6H10a3.5 3.5 0 0 1 0 7H6"/></symbol>
      <symbol id="i-upload" viewBox="0 0 16 16"><path d="M8 10.5V3M4.8 6 8 2.8 11.2 6M2.5 11v2.5h11V11"/></symbol>
      <symbol id="i-user" viewBox="0 0 16 16"><circle cx="8" cy="5" r="2.7"/><path d="M2.8 13.7c.5-3 2.5-4.5 5.2-4.5s4.7 1.5 5.2 4.5"/></symbol>
      <symbol id="i-x" viewBox="0 0 16 16"><path d="M4 4l8 8M12 4l-8 8"/></symbol>
    </svg>
  );
}
