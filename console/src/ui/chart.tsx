// uPlot at real pixels, loaded only where a chart is. Colours are the design's tokens, read anew when the theme changes.
// "As a table" says the same; arrow keys move the cursor and the values are spoken.
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { clock, clockSeconds, day, exact, short } from "../format";
import { t } from "../strings";

export interface Series {
  label: string;
  points: [number, number][]; // time in ms, value
  tone: "accent" | "ok" | "bad" | "warn" | "v1" | "v2" | "v3" | "v4" | "v5";
  fill?: boolean;
  dash?: boolean;
}

export interface ChartProps {
  label: string;
  series: Series[];
  height?: number;
  /** upper end of the axis; else by the data */
  top?: number;
  limits?: { at: number; word: string; tone: "bad" | "warn" | "ok" }[];
  format?: (value: number) => string;
  /** series lie on each other */
  stacked?: boolean;
  now?: boolean;
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() || "#888";
}

/** All times of all series; a series keeps its last value until the next. */
export function align(series: Series[]): { times: number[]; rows: (number | null)[][] } {
  const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
  const rows = series.map((one) => {
    let next = 0;
    let last: number | null = null;
    const end = one.points[one.points.length - 1]?.[0] ?? 0;
    return times.map((at) => {
      while (next < one.points.length && (one.points[next] as [number, number])[0] <= at) last = (one.points[next++] as [number, number])[1];
      return at > end && one.dash ? null : last;
    });
  });
  return { times, rows };
}

/** From zero up; what is negative, such as a signal in dBm, is shown around its own values. */
export function reach(min: number | null, max: number | null, top?: number): [number, number] {
  if (min !== null && max !== null && min < 0) {
    const room = Math.max(1, (max - min) * 0.15);
    return [min - room, max + room];
  }
  return [0, top ?? (max !== null && max > 0 ? max * 1.06 : 1)];
}

export function Chart({ label, series, height = 220, top, limits = [], format = short, stacked, now }: ChartProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [table, setTable] = useState(false);
  const [spoken, speak] = useState("");
  const [theme, setTheme] = useState(0);
  const cursor = useRef(-1);
  const { times, rows } = align(series);
  const sums = rows.map((_, k) => times.map((_, at) => (stacked ? rows.slice(0, k + 1).reduce((sum, row) => sum + (row[at] ?? 0), 0) : (rows[k]?.[at] ?? null))));

  useEffect(() => {
    const turn = (): void => setTheme((old) => old + 1);
    const media = window.matchMedia?.("(prefers-color-scheme: dark)");
    window.addEventListener("updraft-theme", turn);
    media?.addEventListener?.("change", turn);
    return () => {
      window.removeEventListener("updraft-theme", turn);
      media?.removeEventListener?.("change", turn);
    };
  }, []);

  const data = (): uPlot.AlignedData => {
    const order = stacked ? [...sums].reverse() : sums;
    return [times.map((at) => at / 1000), ...order] as uPlot.AlignedData;
  };

  useEffect(() => {
    let gone = false;
    const target = box.current;
    if (!target || table || times.length === 0) return;
    void import("uplot").then(({ default: UPlot }) => {
      if (gone) return;
      const order = stacked ? [...series].reverse() : series;
      const width = Math.max(120, target.clientWidth);
      const small = width < 420 || height < 120;
      const font = `11px ${token("font")}`;
      const options: uPlot.Options = {
        width,
        height,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
        padding: [8, limits.length > 0 ? 46 : 8, 0, 0],
        scales: { x: { time: true }, y: { range: (_u, min, max) => reach(min, max, top) } },
        axes: [
          { stroke: token("text-3"), font, grid: { show: false }, ticks: { show: false }, size: 24, space: small ? 70 : 90,
            values: (_u, splits) => splits.map((at, n) => {
              const ms = at * 1000;
              const span = ((splits[splits.length - 1] ?? 0) - (splits[0] ?? 0)) * 1000;
              return span > 2 * 86400_000 || (n > 0 && day(ms) !== day((splits[n - 1] ?? 0) * 1000)) ? day(ms) : span < 10 * 60_000 ? clockSeconds(ms) : clock(ms);
            }) },
          { show: !(height < 120), stroke: token("text-3"), font, grid: { stroke: token("grid"), width: 1 }, ticks: { show: false }, size: 52, space: 36, values: (_u, splits) => splits.map((at) => format(at)) },
        ],
        series: [
          {},
          ...order.map((one): uPlot.Series => {
            const colour = token(one.tone === "bad" || one.tone === "warn" || one.tone === "ok" || one.tone === "accent" ? one.tone : one.tone);
            const look: uPlot.Series = { label: one.label, stroke: stacked ? token("surface") : colour, width: stacked ? 1 : 2, points: { show: false }, spanGaps: true };
            if (stacked) look.fill = colour;
            else if (one.fill) look.fill = colour + "22";
            if (one.dash) look.dash = [4, 4];
            return look;
          }),
        ],
        hooks: {
          draw: [
            (u) => {
              const ctx = u.ctx;
              const ratio = window.devicePixelRatio || 1;
              ctx.save();
              ctx.font = `${11 * ratio}px sans-serif`;
              for (const limit of limits) {
                const y = u.valToPos(limit.at, "y", true);
                if (y < u.bbox.top) continue;
                ctx.strokeStyle = token(limit.tone);
                ctx.fillStyle = token(`${limit.tone}-text`);
                ctx.lineWidth = 1.5 * ratio;
                ctx.setLineDash(limit.tone === "warn" ? [2 * ratio, 3 * ratio] : [6 * ratio, 4 * ratio]);
                ctx.beginPath();
                ctx.moveTo(u.bbox.left, y);
                ctx.lineTo(u.bbox.left + u.bbox.width, y);
                ctx.stroke();
                ctx.fillText(limit.word, u.bbox.left + u.bbox.width + 4 * ratio, y + 4 * ratio);
              }
              if (now) {
                const x = u.valToPos(Date.now() / 1000, "x", true);
                if (x >= u.bbox.left && x <= u.bbox.left + u.bbox.width) {
                  ctx.strokeStyle = token("text-2");
                  ctx.lineWidth = ratio;
                  ctx.setLineDash([2 * ratio, 3 * ratio]);
                  ctx.beginPath();
                  ctx.moveTo(x, u.bbox.top);
                  ctx.lineTo(x, u.bbox.top + u.bbox.height);
                  ctx.stroke();
                }
              }
              ctx.restore();
            },
          ],
        },
      };
      target.textContent = "";
      plot.current = new UPlot(options, data(), target);
    });
    return () => {
      gone = true;
      plot.current?.destroy();
      plot.current = null;
    };
    // drawn anew when its shape changes; new values go the quick way below
  }, [theme, table, series.length, height, stacked, top, times.length === 0, limits.map((limit) => limit.at).join()]);

  useEffect(() => {
    plot.current?.setData(data());
  }, [JSON.stringify(series.map((one) => one.points.length)), times[times.length - 1], JSON.stringify(sums.map((row) => row[row.length - 1]))]);

  useEffect(() => {
    const target = box.current;
    if (!target || typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: Math.max(120, target.clientWidth), height }));
    observer.observe(target);
    return () => observer.disconnect();
  }, [height]);

  const move = (step: number): void => {
    if (times.length === 0) return;
    cursor.current = Math.min(times.length - 1, Math.max(0, cursor.current < 0 ? times.length - 1 : cursor.current + step));
    const at = times[cursor.current] as number;
    plot.current?.setCursor({ left: plot.current.valToPos(at / 1000, "x"), top: 10 });
    speak(`${exact(at)}: ${series.map((one, k) => `${one.label} ${rows[k]?.[cursor.current] === null ? "—" : format(rows[k]?.[cursor.current] ?? 0)}`).join(", ")}`);
  };
  return (
    <div>
      {table ? (
        <div class="scroll" tabIndex={0}>
          <table class="tbl tight">
            <thead><tr><th>{t.chart.time}</th>{series.map((one) => <th key={one.label} class="num">{one.label}</th>)}</tr></thead>
            <tbody>
              {times.slice(-200).reverse().map((at) => (
                <tr key={at}>
                  <td>{exact(at)}</td>
                  {series.map((one, k) => {
                    const value = rows[k]?.[times.indexOf(at)];
                    return <td key={one.label} class="num">{value === null || value === undefined ? "—" : format(value)}</td>;
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <div ref={box} class="plot" style={{ height: `${height}px`, minHeight: `${height}px` }} role="img" aria-label={label} tabIndex={0}
          onKeyDown={(event) => {
            if (event.key === "ArrowLeft") move(-1);
            else if (event.key === "ArrowRight") move(1);
            else return;
            event.preventDefault();
          }} />
      )}
      <div class="row">
        <span class="plotnote grow" role="status">{spoken}</span>
        <button type="button" class="btn quiet sm" aria-pressed={table} onClick={() => setTable(!table)}>{table ? t.chart.asChart : t.chart.asTable}</button>
      </div>
    </div>
  );
}
