/** What the bench's page shows: where it measures, what it does, and a table for each shape. Knows nothing about how it is measured. */
import type { PageOrders, Place } from "./page-messages.ts";
import { threadCount } from "./peer.ts";
import type { BenchRow, MeasuredEngine, Unmeasured } from "./row.ts";
import { type Shape, tokensAStep } from "./shapes.ts";
import { titleOf } from "./titles.ts";
import { type Measured, summary } from "./turns.ts";

const byId = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;

export function showDoing(line: string): void {
  byId("doing").textContent = line;
}

export function showPlace({ adapter, threads, notes }: Place, { rounds, seconds }: PageOrders): void {
  const card = adapter === null ? "No graphics card is offered here." : `Graphics card: ${adapter}.`;
  const words = `WASM with ${threadCount(threads)}. ${rounds} rounds, fewer of what takes ${seconds} s.`;
  byId("place").textContent = [card, words, ...notes].join(" ");
}

/** The line of one of our engines in a table. */
export const ownSetting = ({ engine, isa, threads }: Pick<MeasuredEngine, "engine" | "isa" | "threads">): string =>
  `Unrolled, ${titleOf(engine)} (${engine === "webgpu" ? isa : `${isa}, ${threadCount(threads)}`})`;

/** Its lines are known by the settings that they begin with. */
export type ShapeTable = {
  /** @param times of the last steps, in milliseconds */
  readonly measured: (setting: string, times: readonly number[]) => void;
  readonly failed: (setting: string, why: string) => void;
  readonly says: (setting: string, what: string) => void;
  /** Shows what counts: steps before the rounds do not. */
  readonly finish: (row: BenchRow | Unmeasured) => void;
};

const columns = ["", "tokens/s", "spread", "ratio"] as const;

function element<K extends keyof HTMLElementTagNameMap>(tag: K, text: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

/** An empty table for a shape, below those before. */
export function showShape(shape: Shape): ShapeTable {
  const shapes = byId("shapes");
  const heading = element("h2", shape.name);
  heading.id = `shape-${shapes.children.length}`;
  const table = element("table", "");
  table.setAttribute("aria-labelledby", heading.id);
  const head = table.createTHead().insertRow();
  for (const title of columns) {
    const cell = element(title === "" ? "td" : "th", title);
    if (cell instanceof HTMLTableCellElement && title !== "") cell.scope = "col";
    head.append(cell);
  }
  const body = table.createTBody();
  const section = element("section", "");
  section.append(heading, table);
  shapes.append(section);

  const rows = new Map<string, HTMLTableRowElement>();
  function fill(setting: string, cells: readonly HTMLTableCellElement[]): HTMLTableRowElement {
    let row = rows.get(setting);
    if (row === undefined) {
      row = body.insertRow();
      const name = element("th", setting);
      name.scope = "row";
      row.append(name);
      rows.set(setting, row);
    }
    while (row.cells.length > 1) row.deleteCell(1);
    row.append(...cells);
    return row;
  }
  function explain(setting: string, text: string, style: string): void {
    const cell = element("td", text);
    cell.colSpan = columns.length - 1;
    cell.className = style;
    fill(setting, [cell]);
  }
  const figures = ({ tokensPerSecond, spread }: Measured, ratio?: number): HTMLTableCellElement[] =>
    [
      Math.round(tokensPerSecond).toLocaleString("en-US"),
      `${(100 * spread).toFixed(0)} %`,
      ratio === undefined ? "" : ratio.toFixed(2),
    ].map((text) => element("td", text));

  return {
    measured(setting, times) {
      fill(setting, figures(summary(times, tokensAStep(shape))));
    },
    failed: (setting, why) => explain(setting, `Failed: ${why}`, "reason failed"),
    says: (setting, what) => explain(setting, what, "reason"),
    finish(row) {
      if ("unmeasured" in row) return;
      const { unrolled, engines, peers } = row;
      const lines: { readonly setting: string; readonly measured: Measured }[] = [];
      for (const own of [unrolled, ...Object.values(engines)]) {
        if (own === null) continue;
        lines.push({ setting: ownSetting(own), measured: own });
        if (own.threads > 1) lines.push({ setting: ownSetting({ ...own, threads: 1 }), measured: own.oneThread });
      }
      for (const peer of Object.values(peers)) {
        if (peer !== null) lines.push({ setting: peer.setting, measured: peer });
      }
      const least = Math.min(...lines.map(({ measured }) => measured.msPerStep));
      for (const { setting, measured } of lines) {
        const ratio = unrolled.tokensPerSecond / measured.tokensPerSecond;
        fill(setting, figures(measured, ratio)).classList.toggle("first", measured.msPerStep === least);
      }
    },
  };
}
