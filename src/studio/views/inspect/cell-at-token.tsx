/** A unit of a layer at one token in the picture of its cell, with the equations and their numbers below. */

import { type EquationBox, EquationsDiagram } from "../../components/equations-diagram.tsx";
import { GruDiagram } from "../../components/gru-diagram.tsx";
import { visible } from "../../components/heat.ts";
import { LstmDiagram } from "../../components/lstm-diagram.tsx";
import { written } from "../../components/numbers.ts";
import type { CellLines } from "../../engine/cell-lines.ts";
import { fill, texts } from "../../texts/texts.ts";
import { type CellValue, type CellValues, cellValuesAt, gruNumbersOf, lstmNumbersOf } from "./cell-values.ts";
import type { Reading, ReadValue } from "./reading.ts";
import { Steps } from "./steps.tsx";

const says = texts.inspect.cell;

export type CellAtTokenProps = {
  readonly reading: Reading;
  readonly done: number;
  /** The value that is chosen, and its unit. */
  readonly value: ReadValue;
  readonly unit: number;
  readonly place: number;
  readonly onPlace: (place: number) => void;
  readonly onValue: (value: ReadValue, unit: number) => void;
};

export default function CellAtToken({ reading, done, value, unit, place, onPlace, onValue }: CellAtTokenProps) {
  const { head, values } = reading;
  const layers = head.cells.filter(({ layer }) => values.some((value) => value.layer === layer));
  const cell = layers.find(({ layer }) => layer === value.layer) ?? layers[0];
  if (cell === undefined || head.maxOverall !== undefined) {
    return <p class="soft">{says.notKept}</p>;
  }
  if (head.windowed) {
    return <p class="soft">{says.windowed}</p>;
  }
  if (place >= done) return <p class="soft">{says.notRead}</p>;
  const now = cellValuesAt(reading, cell, { chosen: value, unit, place });
  const chooseLayer = (layer: string): void => {
    const own = values.filter((other) => other.layer === layer);
    const same = own.find(({ key }) => key === value.key.replace(cell.layer, layer)) ?? own.find(({ state }) => state);
    const next = same ?? own[0];
    if (next !== undefined) onValue(next, Math.min(unit, next.size - 1));
  };
  return (
    <>
      <div class="row">
        <Steps place={place} count={head.texts.length} onChoose={onPlace} />
        {layers.length > 1 && (
          <label class="field">
            {says.layer}
            <select value={cell.layer} onChange={(event) => chooseLayer(event.currentTarget.value)}>
              {layers.map(({ layer }) => (
                <option key={layer}>{layer}</option>
              ))}
            </select>
          </label>
        )}
        <p class="token-read" role="status">
          {fill(says.reads, {
            ...{ unit: now.unit, layer: cell.layer, place: place + 1 },
            token: visible(head.texts[place] as string),
          })}
        </p>
      </div>
      <div class="cell-drawn">
        <CellPicture cell={cell} now={now} />
        <CellTable cell={cell} now={now} />
      </div>
      <p class="soft small">{says.about}</p>
    </>
  );
}

type CellProps = { readonly cell: CellLines; readonly now: CellValues };

function CellPicture({ cell, now }: CellProps) {
  const lstm = cell.picture === "lstm" ? lstmNumbersOf(cell, now) : undefined;
  if (lstm !== undefined) return <LstmDiagram stage={4} numbers={lstm} coloured />;
  const gru = cell.picture === "gru" ? gruNumbersOf(cell, now) : undefined;
  if (gru !== undefined) return <GruDiagram stage={4} numbers={gru} coloured />;
  return <EquationsDiagram label={fill(says.picture, { count: cell.lines.length })} boxes={boxesOf(cell, now)} />;
}

function boxesOf({ lines }: CellLines, { before, inputs, lines: values }: CellValues): readonly EquationBox[] {
  const given = { ...before, ...inputs };
  const read = Object.entries(given).filter(([name]) => lines.some(({ reads }) => reads.includes(name)));
  const positionOf = (of: number | string): number =>
    typeof of === "number" ? read.length + of : read.findIndex(([name]) => name === of);
  return [
    ...read.map(([, value]) => ({ ...boxOf(value), kind: "given" as const, reads: [] })),
    ...lines.map(({ state, reads }, k) => ({
      ...boxOf(values[k] as CellValue),
      kind: state ? ("state" as const) : ("line" as const),
      reads: reads.map(positionOf),
    })),
  ];
}

const boxOf = (value: CellValue) => ({
  label: value.label,
  text: toldOf(value),
  ...(value.value !== undefined && { value: value.value }),
});

function toldOf({ value, note }: CellValue): string {
  if (value === undefined) return note ?? "";
  const number = written(value, 3);
  return note === undefined ? number : fill(says.noted, { number, note });
}

const CellTable = ({ cell: { lines, states }, now }: CellProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
  <section class="scroll" aria-label={says.table.label} tabIndex={0}>
    <table class="cell-numbers">
      <thead>
        <tr>
          <th scope="col">{says.table.value}</th>
          <th scope="col">{says.table.number}</th>
          <th scope="col">{says.table.equation}</th>
        </tr>
      </thead>
      <tbody>
        {states.map((state) => (
          <tr key={state}>
            <th scope="row">{now.before[state]?.label}</th>
            <td class="numbers">{toldOf(now.before[state] as CellValue)}</td>
            <td class="soft">{says.table.before}</td>
          </tr>
        ))}
        {lines.map(({ maths }, k) => (
          <tr key={k}>
            <th scope="row">{now.lines[k]?.label}</th>
            <td class="numbers">{toldOf(now.lines[k] as CellValue)}</td>
            <td>
              <code>{maths}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </section>
);
