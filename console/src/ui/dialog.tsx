// Confirm by consequence: the title is the question, the lines say what happens to whom, the button carries the number.
import type { ComponentChildren, JSX } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api";
import { count } from "../format";
import { t } from "../strings";
import { Btn, Glyph, Input, Refused, T, useDeed } from "./base";

export interface Consequence {
  n: number | string;
  text: ComponentChildren;
}

export interface DialogProps {
  title: string;
  note?: string;
  tone?: "bad" | "warn" | "go" | "hold";
  glyph?: string;
  lines?: Consequence[];
  /** what the lines add up to */
  together?: string;
  children?: ComponentChildren;
  /** asks why; it goes into the audit log, or to the resource */
  reason?: { label: string; needed: boolean };
  safe: string;
  go: string;
  kill?: boolean;
  also?: ComponentChildren;
  busyWord?: string;
  why?: string | null;
  run: (reason: string) => Promise<unknown>;
  done: () => void;
  close: () => void;
}

/** The native modal dialog: focus stays inside, Escape is the safe button. */
export function Modal({ label, close, children }: { label: string; close: () => void; children: ComponentChildren }): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const before = useRef<Element | null>(null);
  useLayoutEffect(() => { // before it is painted: whoever sees it can press Escape
    before.current = document.activeElement;
    const box = ref.current;
    if (box && !box.open) {
      if (typeof box.showModal === "function") box.showModal();
      else box.setAttribute("open", "");
    }
    return () => {
      if (before.current instanceof HTMLElement) before.current.focus();
    };
  }, []);
  return (
    <dialog ref={ref} class="scrim" aria-labelledby={label} onCancel={(event) => { event.preventDefault(); close(); }}
      onMouseDown={(event) => { if (event.target === ref.current) close(); }}>
      {children}
    </dialog>
  );
}

export function Dialog(props: DialogProps): JSX.Element {
  const id = useId();
  const [reason, setReason] = useState("");
  const deed = useDeed();
  const missing = props.reason?.needed && reason.trim() === "" ? t.dialog.reasonNeeded : null;
  const [tried, setTried] = useState(false);
  const act = async (): Promise<void> => {
    setTried(true);
    if (missing) return;
    if (await deed.run(() => props.run(reason.trim()))) props.done();
  };
  return (
    <Modal label={id} close={props.close}>
      <div class="dlg">
        <header>
          {props.glyph ? <span class={`st ${props.tone ?? "go"}`}><Glyph name={props.glyph} /></span> : null}
          <div>
            <h2 id={id}><T v={props.title} /></h2>
            {props.note ? <p class="s dim"><T v={props.note} /></p> : null}
          </div>
        </header>
        <div class="in">
          {props.lines && props.lines.length > 0 ? (
            <ul class="cons">
              {props.lines.map((line, at) => (
                <li key={at}>
                  <b>{typeof line.n === "number" ? count(line.n) : line.n}</b>
                  <span>{line.text}</span>
                </li>
              ))}
            </ul>
          ) : null}
          {props.together ? <p class="s dim">{props.together}</p> : null}
          {props.children}
          {props.reason ? <Input label={props.reason.label} value={reason} onInput={setReason} max={200} error={tried ? missing : null} /> : null}
          <Refused error={deed.error as ApiError | null} />
        </div>
        <footer>
          <Btn autofocus onClick={props.close}>{props.safe}</Btn>
          {props.also}
          <Btn kind={props.kill ? "kill" : "pri"} busy={deed.busy} why={props.why} onClick={() => void act()}>
            {deed.busy ? (props.busyWord ?? t.dialog.working) : props.go}
          </Btn>
        </footer>
      </div>
    </Modal>
  );
}
