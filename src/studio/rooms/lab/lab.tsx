/** The room Lab: write a cell, see what the compiler makes of it, train it, compare the runs. */
import { useRef } from "preact/hooks";
import { type Cell, cell } from "../../../graph/cell.ts";
import type { Room } from "../../shell.tsx";
import { CellDesk, readCell } from "./cell-desk.tsx";
import { useCellText } from "./cell-text.ts";
import "./lab.css";

const Lab: Room = ({ address }) => {
  const given = useCellText(address);
  const good = useRef<Cell>(cell("y = W @ x + b"));
  const read = readCell(given.text);
  if ("cell" in read) good.current = read.cell;
  return (
    <div class="lab">
      <h1>The Lab</h1>
      <p>
        Write a recurrent cell as its equations, see what the compiler makes of it, and train it on a text, here in the
        page.
      </p>
      <h2>The cell</h2>
      <CellDesk given={given} good={good.current} sizes={{ units: 128, input: 64, batch: 16, steps: 32 }} />
    </div>
  );
};
export default Lab;
