// Which keys work here: one list, by ? or by its button; the button stays when the sign is turned off.
import type { JSX } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { isKey, setSingleKeys, useSingleKeys } from "../keys";
import { t } from "../strings";
import { Btn, Check } from "./base";
import { Modal } from "./dialog";

/** The list of a page: of `/devices` it is "devices", of `/devices/NAME` "device". */
function keysOf([first = "", second]: string[]): [string, string][] {
  const name = second === undefined ? first : second === "new" ? "wizard" : first.replace(/s$/, "");
  return t.keys.pages.get(name) ?? [];
}

export function Keys({ segments }: { segments: string[] }): JSX.Element {
  const id = useId();
  const [open, set] = useState(false);
  const on = useSingleKeys();
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (!isKey(event, "?")) return;
      event.preventDefault();
      set(true);
    };
    window.addEventListener("keydown", key);
    return () => window.removeEventListener("keydown", key);
  }, []);
  const close = (): void => set(false);
  return (
    <>
      <button type="button" class="btn quiet icon sm keysbtn" aria-label={t.keys.word} title={t.keys.word} onClick={() => set(true)}>?</button>
      {open ? (
        <Modal label={id} close={close}>
          <div class="dlg">
            <header><h2 id={id}>{t.keys.title}</h2></header>
            <div class="in">
              <dl class="keylist">
                {[...t.keys.everywhere, ...keysOf(segments)].map(([press, does]) => (
                  <div key={press + does}>
                    <dt>{press}</dt>
                    <dd>{does}</dd>
                  </div>
                ))}
              </dl>
              <Check label={t.keys.single} on={on} onChange={setSingleKeys} />
            </div>
            <footer><Btn autofocus onClick={close}>{t.close}</Btn></footer>
          </div>
        </Modal>
      ) : null}
    </>
  );
}
