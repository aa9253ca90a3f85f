/** The equations that the Lab has: out of the address or the browser's memory, and back into both as they change. */
import { useEffect, useRef, useState } from "preact/hooks";
import { cells } from "../../../cells/index.ts";
import { type Address, go, linkTo } from "../../address.ts";
import { packText, unpackText } from "./share.ts";

const key = "unrolled.lab.cell";
/** How long the reader rests before the address follows. */
const restMs = 400;

export type CellText = {
  readonly text: string;
  /** The reader wrote this. */
  readonly write: (text: string) => void;
  /** Another text takes its place. */
  readonly open: (text: string) => void;
  /** How often that happened: the editor, which is ahead of `text` while one types, follows only then. */
  readonly opened: number;
  /** What is wrong with the link that led here. */
  readonly problem: string;
};

/** `#/lab?cell=...` is a text, packed; `#/lab?start=gru` a built-in cell. */
export function useCellText({ query }: Address): CellText {
  const [text, setText] = useState(() => localStorage.getItem(key) ?? (cells.lstm as { source: string }).source);
  const [opened, setOpened] = useState(0);
  const [problem, setProblem] = useState("");
  const written = useRef("");
  const timer = useRef(0);
  const write = (next: string): void => {
    setText(next);
    setProblem("");
    localStorage.setItem(key, next);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(async () => {
      const asked = timer.current;
      const packed = await packText(next);
      if (asked !== timer.current) return;
      written.current = packed;
      go(linkTo("lab", [], { cell: packed }), { replace: true });
    }, restMs);
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
    if (packed !== undefined && packed !== written.current) {
      stop();
      written.current = packed;
      const read = (next: string): void => {
        if (written.current !== packed) return;
        localStorage.setItem(key, next);
        setText(next);
        setOpened((count) => count + 1);
        setProblem("");
      };
      unpackText(packed).then(read, (error: Error) => setProblem(error.message));
    }
    if (start === undefined) return;
    if (Object.hasOwn(cells, start)) open((cells[start] as { source: string }).source);
    else setProblem(`There is no built-in cell "${start}".`);
  }, [query.cell, query.start]);
  return { text, write, open, opened, problem };
}

/** The name of the built-in cell that has these equations; undefined for one's own. */
export const builtInName = (text: string): string | undefined =>
  Object.keys(cells).find((name) => cells[name]?.source === text);
