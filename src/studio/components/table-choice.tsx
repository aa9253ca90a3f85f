/** Choose the table: an example, a file, or a pasted text; a short one is stored in the address, a longer one in the tab. */
import { useMemo, useState } from "preact/hooks";
import { decodeText } from "../../formats/decode-text.ts";
import { unixLineEnds } from "../../text/line-ends.ts";
import type { Address } from "../address.ts";
import type { CsvText } from "../engine/forecasting.ts";
import { fill, texts } from "../texts/texts.ts";
import { chosen } from "./choice.tsx";
import { remember, remembered } from "./remembered.ts";
import { TextArea } from "./text-area.tsx";

const says = texts.components.tableChoice;

type Query = Address["query"];
/** Tables that are made here, by their names in addresses; the first is the usual one. */
export type Examples = Readonly<Record<string, { readonly title: string; readonly make: () => string }>>;
const firstOf = (examples: Examples): string => Object.keys(examples)[0] as string;
/** The table of an example. */
export const exampleTable = (examples: Examples, name: string): CsvText => ({
  name: `${name}.csv`,
  text: examples[name]?.make() ?? "",
});
/** The part of an address that says which table it is. */
export const tableNames = ["data", "text", "kept", "name"] as const;

/** The largest length of a link. */
const maxInAddress = 1000;
/** The largest number of characters of a table: a tab keeps about 5 million. */
const maxCharacters = 2_000_000;
const maxToEdit = 100_000;
const nameOf = (kept: string): string => `unrolled.table.${kept}`;

/** The table that an address names; undefined for one that only another tab has. */
export function useTable({ data, text, kept, name }: Query, examples: Examples): CsvText | undefined {
  return useMemo(() => {
    if (text === undefined && kept === undefined)
      return exampleTable(examples, chosen(examples, data, firstOf(examples)));
    const own = text ?? remembered(nameOf(kept as string), "sessionStorage");
    return own === undefined ? undefined : { name: name ?? "the table", text: own };
  }, [data, text, kept, name, examples]);
}

/** The address's part for a table. @throws Error of one line for a table that is too long */
export function queryOfTable(given: string, name: string | undefined): Query {
  const text = unixLineEnds(given);
  const named: Query = name === undefined ? {} : { name };
  if (text.length > maxCharacters) {
    const sizes = { count: text.length, most: maxCharacters };
    throw new Error(name === undefined ? fill(says.tooLong, sizes) : fill(says.fileTooLong, { name, ...sizes }));
  }
  if (text.length <= maxInAddress) return { text, ...named };
  // A new number, so that a new table has a new address.
  const kept = String(Date.now());
  remember(nameOf(kept), text, "sessionStorage");
  return { kept, ...named };
}

/** The text of a file. @throws Error of one line for bytes that are no UTF-8 */
export const textOf = async (file: File): Promise<string> =>
  decodeText(new Uint8Array(await file.arrayBuffer()), file.name);

export type TableChoiceProps = {
  readonly query: Query;
  readonly examples: Examples;
  readonly table: CsvText | undefined;
  readonly onChoose: (query: Query) => void;
  readonly onFile: (file: File | undefined) => void;
  readonly onProblem: (problem: string) => void;
};

export function TableChoice({ query, examples, table, onChoose, onFile, onProblem }: TableChoiceProps) {
  const isOwn = query.text !== undefined || query.kept !== undefined;
  const [writing, setWriting] = useState(false);
  const [own, setOwn] = useState("");
  const take = (text: string): void => {
    try {
      onChoose(queryOfTable(text, undefined));
      setWriting(false);
    } catch (error) {
      onProblem((error as Error).message);
    }
  };
  return (
    <>
      <div class="row data">
        <label class="field">
          {says.data}
          <select
            value={writing ? "paste" : isOwn ? "own" : chosen(examples, query.data, firstOf(examples))}
            onChange={({ currentTarget: { value } }) => {
              setWriting(value === "paste");
              if (value === "paste") setOwn(isOwn && (table?.text.length ?? 0) <= maxToEdit ? (table?.text ?? "") : "");
              else if (value !== "own") onChoose({ data: value });
            }}
          >
            {Object.entries(examples).map(([name, { title }]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
            {isOwn && <option value="own">{query.name ?? says.own}</option>}
            <option value="paste">{says.paste}</option>
          </select>
        </label>
        <label class="button file">
          {says.open}
          <input
            type="file"
            class="visually-hidden"
            accept=".csv,.tsv,.txt,text/csv"
            onChange={({ currentTarget }) => {
              onFile(currentTarget.files?.[0]);
              // Choosing the same file again counts as well.
              currentTarget.value = "";
            }}
          />
        </label>
      </div>
      {writing && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            take(own);
          }}
        >
          <TextArea label={says.pasted} rows={6} most={maxToEdit} value={own} onText={setOwn} onTooLong={take} />
          <p>
            <button type="submit" class="main" disabled={own.trim() === ""}>
              {says.read}
            </button>
          </p>
        </form>
      )}
    </>
  );
}
