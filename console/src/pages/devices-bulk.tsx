// The same for many devices: those chosen on the page, or all that meet the filter. The count is what was seen; the server refuses when it moved.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError, send } from "../api";
import type { BulkDone } from "../model";
import { useSession } from "../session";
import { t } from "../strings";
import { Btn, Icon, Input } from "../ui/base";
import { Dialog } from "../ui/dialog";
import { toast } from "../ui/toast";

export interface Chosen {
  names: string[];
  /** all that meet this filter, in place of names; `count` is what the list said */
  all: { query: string; count: number } | null;
}

type Deed = "tag" | "untag" | "group" | "poll" | "quarantine" | "release";

/** Batch after batch: the server takes a bounded number at a time and says where it goes on. */
export async function runBulk(deed: Deed, chosen: Chosen, more: Record<string, unknown>, progress: (done: number) => void): Promise<BulkDone> {
  const sum: BulkDone = { changed: 0, unchanged: 0, next: null };
  const which = chosen.all ? { filter: chosen.all.query, count: chosen.all.count } : { devices: chosen.names };
  let after = 0;
  for (;;) {
    const one: BulkDone = await send("POST", `/api/v1/bulk/${deed}`, { ...which, ...more, ...(after > 0 ? { after } : {}) });
    sum.changed += one.changed;
    sum.unchanged += one.unchanged;
    progress(sum.changed + sum.unchanged);
    if (one.next === null) return sum;
    after = one.next;
  }
}

export function BulkActions({ chosen, done }: { chosen: Chosen; done: () => void }): JSX.Element {
  const session = useSession();
  const [deed, open] = useState<Deed | "">("");
  const devices = session.needs("devices");
  const deploy = session.needs("deploy");
  return (
    <>
      <Btn small why={devices} onClick={() => open("tag")}>{t.bulk.tag}</Btn>
      <Btn small why={devices} onClick={() => open("untag")}>{t.bulk.untag}</Btn>
      <Btn small why={session.needsWhole("devices")} onClick={() => open("group")}>{t.bulk.group}</Btn>
      <Btn small why={devices} onClick={() => open("poll")}>{t.bulk.poll}</Btn>
      <Btn small why={deploy} onClick={() => open("quarantine")}>{t.devices.quarantine}</Btn>
      <Btn small why={deploy} onClick={() => open("release")}>{t.bulk.release}</Btn>
      {deed === "" ? null : <BulkDialog deed={deed} chosen={chosen} close={() => open("")} done={() => { open(""); done(); }} />}
    </>
  );
}

function BulkDialog({ deed, chosen, close, done }: { deed: Deed; chosen: Chosen; close: () => void; done: () => void }): JSX.Element {
  const [text, setText] = useState("");
  const [reached, setReached] = useState(0);
  const n = chosen.all ? chosen.all.count : chosen.names.length;
  const words = t.bulk.deeds[deed];
  const needs = deed === "tag" || deed === "untag" ? t.bulk.needsTag : null;
  return (
    <Dialog title={words.title(n)} tone={deed === "quarantine" ? "hold" : "go"} glyph={deed === "quarantine" ? "quarantined" : "updating"}
      {...(chosen.all ? { note: chosen.all.query ? t.bulk.byFilter(chosen.all.query) : t.bulk.everybody } : {})}
      lines={[{ n, text: words.line }, { n: 0, text: t.assign.others }]}
      {...(deed === "quarantine" ? { reason: { label: t.devices.quarantineReason, needed: true } } : {})}
      safe={t.cancel} go={words.go(n)} kill={deed === "quarantine"} why={needs !== null && text.trim() === "" ? needs : null}
      busyWord={reached > 0 ? t.bulk.reached(reached, n) : t.dialog.working} close={close} done={done}
      run={async (reason) => {
        const more = deed === "quarantine" ? { reason } : deed === "group" ? { group: text.trim() } : needs ? { tag: text.trim() } : {};
        try {
          const sum = await runBulk(deed, chosen, more, setReached);
          toast({ tone: "ok", text: t.bulk.done(sum.changed, sum.unchanged) });
        } catch (cause) {
          if (cause instanceof ApiError && reached > 0) cause.message = `${t.bulk.stoppedAt(reached, n)} ${cause.message}`;
          throw cause;
        }
      }}>
      {needs ? <Input label={t.bulk.tagName} hint={t.bulk.tagHint} value={text} onInput={setText} max={128} /> : null}
      {deed === "group" ? <Input label={t.addDevice.group} hint={t.addDevice.groupHint} value={text} onInput={setText} max={128} /> : null}
    </Dialog>
  );
}

/** The bar that counts what is chosen; from the page to everything that meets the filter in one step. */
export function BulkBar({ chosen, total, pageFull, selectAll, clear, children }: { chosen: Chosen; total: number; pageFull: boolean; selectAll: () => void; clear: () => void; children: JSX.Element }): JSX.Element {
  const n = chosen.all ? chosen.all.count : chosen.names.length;
  return (
    <div class="bulk" role="toolbar" aria-label={t.devices.selected(n)} onKeyDown={(event) => { if (event.key === "Escape" && !document.querySelector("dialog[open]")) clear(); }}>
      <b role="status">{t.devices.selected(n)}</b>
      {!chosen.all && pageFull && total > chosen.names.length ? <Btn small kind="quiet" onClick={selectAll}>{t.bulk.selectAll(total)}</Btn> : null}
      {children}
      <button type="button" class="btn sm icon" aria-label={t.devices.clear} onClick={clear}><Icon name="x" /></button>
    </div>
  );
}
