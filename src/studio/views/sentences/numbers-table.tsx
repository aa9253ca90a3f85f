/** Numbers that colours show, as a table, which is there once it is asked for. */
import { useState } from "preact/hooks";
import { visible } from "../../components/heat.ts";
import { texts } from "../../texts/texts.ts";

const own = texts.sentences.table;

export type NumbersTableProps = {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly name: string; readonly numbers: ArrayLike<number> }[];
  readonly write: (value: number) => string;
};

export function NumbersTable({ columns, rows, write }: NumbersTableProps) {
  const [open, setOpen] = useState(false);
  return (
    <details open={open} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{own.open}</summary>
      {open && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        <section class="scroll" tabIndex={0} aria-label={own.label}>
          <table>
            <thead>
              <tr>
                <td />
                {columns.map((name, k) => (
                  <th key={k} scope="col" class="number">
                    {visible(name)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ name, numbers }, k) => (
                <tr key={k}>
                  <th scope="row">{visible(name)}</th>
                  {columns.map((_, j) => (
                    <td key={j} class="number">
                      {write(numbers[j] ?? 0)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  );
}
