/** A model of which nothing says what it is for, such as another program's: who wrote it, and its layers. */

import { download } from "../../download.ts";
import type { BroughtModel } from "../../engine/open-models.ts";
import { fill, texts } from "../../texts/texts.ts";

const words = texts.modelsView.untold;

export type Untold = Exclude<BroughtModel, { readonly facts: unknown }>;

export function UntoldModel({ model }: { readonly model: Untold }) {
  const { name, bytes, source, notes, layers, parameters } = model;
  const own = `${name.replace(/\.\w+$/, "")}.safetensors`;
  return (
    <section class="card untold" aria-labelledby="untold">
      <h3 id="untold">{name}</h3>
      <p role="status">{fill(words.about, { source, n: parameters.toLocaleString("en") })}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be in reach of the keyboard */}
      <div class="scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.layer}</th>
              <th scope="col">{words.output}</th>
              <th scope="col">{words.parameters}</th>
              <th scope="col">{words.reads}</th>
            </tr>
          </thead>
          <tbody>
            {layers.map((layer) => (
              <tr key={layer.name}>
                <th scope="row">
                  {layer.name}
                  {layer.name !== layer.type && <span class="soft"> ({layer.type})</span>}
                </th>
                <td class="numbers">{layer.outputShapes.map((shape) => `(${shape.join(", ")})`).join(", ")}</td>
                <td class="numbers">{layer.parameters.toLocaleString("en")}</td>
                <td>{layer.reads.join(", ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {notes.map((note) => (
        <p key={note} class="soft small">
          {note}
        </p>
      ))}
      <p>
        <button type="button" onClick={() => download(own, bytes)}>
          {fill(words.download, { file: own })}
        </button>
      </p>
    </section>
  );
}
