/**
 * The equations and settings in the Lab's address: read them from the address or the browser's storage, and write
 * changes back to both.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { cells } from "../../../cells/index.ts";
import { type Address, go, linkTo, readAddress } from "../../address.ts";
import { remember, remembered } from "../../components/remembered.ts";
import { fill, texts } from "../../texts/texts.ts";
import { packText, unpackText } from "./share.ts";

const key = "unrolled.lab.cell";
/** The pause after which the address is updated. */
const restMs = 400;

export type CellText = {
  readonly text: string;
  /** The reader changed the text. */
  readonly write: (text: string) => void;
  /** Replace the text. */
  readonly open: (text: string) => void;
  /**
   * The number of replacements: only then does the editor, which is ahead of `text` while the reader types, take over
   * the text.
   */
  readonly opened: number;
  /** The error in the link that was opened. */
  readonly problem: string;
  /** Make a link to the current state. @throws Error in a browser that cannot compress text */
  readonly link: () => Promise<string>;
};

type Query = Address["query"];
/** The rest of the address. */
export type Settings = { readonly query: Query; readonly read: (query: Query) => void };

/** `#/lab?cell=...` is a text, packed, with settings by their names; `#/lab?start=gru` a built-in cell. */
export function useCellText({ query }: Address, settings: Settings): CellText {
  const [text, setText] = useState(() => remembered(key) ?? (cells.lstm as { source: string }).source);
  const [opened, setOpened] = useState(0);
  const [problem, setProblem] = useState("");
  const timer = useRef(0);
  const latest = useRef({ text, settings, query });
  latest.current = { text, settings, query };
  /** The last address that was written or read. */
  const known = useRef("");
  const link = async (): Promise<string> =>
    linkTo("lab", [], { cell: await packText(latest.current.text), ...latest.current.settings.query });
  const follow = (): void => {
    clearTimeout(timer.current);
    timer.current = window.setTimeout(async () => {
      const asked = timer.current;
      // In a browser that cannot compress, the address has only the settings; the text is stored all the same.
      const href = await link().catch(() => linkTo("lab", [], latest.current.settings.query));
      if (asked !== timer.current) return;
      // The reader may be leaving for another view or link that has not been drawn yet.
      const at = readAddress(location.hash);
      if (at.view !== "lab" || keyOf(at.query) !== keyOf(latest.current.query)) return;
      known.current = keyOf(readAddress(href).query);
      go(href, { replace: true });
    }, restMs);
  };
  const write = (next: string): void => {
    setText(next);
    setProblem("");
    remember(key, next);
    follow();
  };
  const open = (next: string): void => {
    write(next);
    setOpened((count) => count + 1);
  };
  const stop = (): void => {
    clearTimeout(timer.current);
    timer.current = 0;
  };
  useEffect(() => stop, []);
  useEffect(() => {
    const { cell: packed, start } = query;
    const here = keyOf(query);
    if (here !== known.current) {
      known.current = here;
      stop();
      settings.read(query);
      const read = (next: string): void => {
        if (known.current !== here) return;
        remember(key, next);
        setText(next);
        setOpened((count) => count + 1);
        setProblem("");
      };
      if (packed !== undefined) unpackText(packed).then(read, (error: Error) => setProblem(error.message));
    }
    if (start === undefined) return;
    if (Object.hasOwn(cells, start)) open((cells[start] as { source: string }).source);
    else setProblem(fill(texts.lab.cell.unknown, { name: start }));
  }, [keyOf(query)]);
  // Changed settings go into the address as well; its own settings are there already.
  const seen = useRef(keyOf(settings.query));
  useEffect(() => {
    const now = keyOf(settings.query);
    if (now === seen.current) return;
    seen.current = now;
    if (Object.entries(settings.query).some(([name, value]) => query[name] !== value)) follow();
  }, [keyOf(settings.query)]);
  return { text, write, open, opened, problem, link };
}

const keyOf = (query: Query): string => JSON.stringify(Object.entries(query).sort());

/** The name of the built-in cell with these equations; undefined for other equations. */
export const builtInName = (text: string): string | undefined =>
  Object.keys(cells).find((name) => cells[name]?.source === text);
