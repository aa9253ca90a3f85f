/** Chapter 4: layers as memory cells, the shapes of sequence problems, and the smallest of them learned. */
import { Formula } from "../../components/formula.tsx";
import { rich, texts } from "../../texts/texts.ts";
import { Counting } from "./counting.tsx";
import { MatrixRow } from "./matrix-row.tsx";
import { Questions } from "./questions.tsx";
import { Shapes } from "./shapes.tsx";
import { Symbols } from "./symbols.tsx";

const own = texts.learn.memory;
const symbols = { u: <Formula tex="u" />, U: <Formula tex="U" />, h_t: <Formula tex="h_t" />, t: <Formula tex="t" /> };

export default function Memory() {
  return (
    <>
      <p>{rich(own.lead, symbols)}</p>
      <Symbols
        of={[
          ["U", own.symbols.U],
          ["x_t, h_t", own.symbols.x],
          ["U h", own.symbols.Uh],
        ]}
      />
      <p>{own.rows}</p>
      <MatrixRow />
      <p>{own.shapes}</p>
      <Shapes />
      <h2>{own.counting.title}</h2>
      <p>{own.counting.lead}</p>
      <Counting />
      <h2>{own.whatToTry}</h2>
      <ul class="try">
        {own.try.map((each) => (
          <li key={each}>{rich(each)}</li>
        ))}
      </ul>
      <p>{rich(own.end)}</p>
      <Questions chapter="memory" />
      <p class="sources">{own.sources}</p>
    </>
  );
}
