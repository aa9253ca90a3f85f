/** Every built-in cell: equations, cost at a size that the reader chooses, speed on this machine. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { CellFacts } from "../../../nn/cell-facts.ts";
import { linkTo } from "../../address.ts";
import { Formula } from "../../components/formula.tsx";
import type { CellSpeed } from "../../engine/cell-gallery.ts";
import { startEngine, useAnswer } from "../../engine/engine.ts";
import { messageOf } from "../../loading.ts";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const shape = { vocabulary: 65, batch: 32, steps: 32 } as const;
const sizes = [32, 64, 128, 256, 512] as const;

/** The order of the table. */
const orders = {
  "as listed": () => 0,
  parameters: ({ parameters }: Row) => parameters,
  "year of its paper": ({ year }: Row) => year ?? 0,
  "training speed": ({ speed }: Row) => -(speed?.trainedPerSecond ?? 0),
} as const;
type Order = keyof typeof orders;
type Row = CellFacts & { readonly speed: CellSpeed | undefined };

export function CellGallery() {
  const [units, setUnits] = useState(128);
  const [order, setOrder] = useState<Order>("as listed");
  const { value: facts, error } = useAnswer("builtInCells", { units, input: 64 });
  const { speeds, measuring, failed, measure, stop, forget } = useSpeeds();
  const rows = (facts ?? []).map((fact) => ({ ...fact, speed: speeds.get(fact.name) }));
  if (order !== "as listed") rows.sort((a, b) => orders[order](a) - orders[order](b));
  const fastest = Math.max(...[...speeds.values()].map(({ trainedPerSecond = 0 }) => trainedPerSecond));
  const threads = [...speeds.values()].some((speed) => speed.threads > 1) ? "all cores" : "one core";
  return (
    <section aria-labelledby="gallery">
      <h2 id="gallery">Cell gallery</h2>
      <p>
        Each of these {facts === undefined ? "" : `${facts.length} `}cells is a few equations; everything else is made
        from them. Open one to read it, take it to the Lab to change it.
      </p>
      <div class="row gallery-controls">
        <label class="field">
          Units
          <select
            value={units}
            onChange={(event) => {
              setUnits(Number(event.currentTarget.value));
              forget();
            }}
          >
            {sizes.map((n) => (
              <option key={n}>{n}</option>
            ))}
          </select>
        </label>
        <label class="field">
          Order
          <select value={order} onChange={(event) => setOrder(event.currentTarget.value as Order)}>
            {Object.keys(orders).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        {measuring ? (
          <button type="button" onClick={stop}>
            Stop measuring
          </button>
        ) : (
          <button
            type="button"
            class="main"
            disabled={facts === undefined}
            onClick={() => measure(facts?.map(({ name }) => name) ?? [], units)}
          >
            Measure the speed here
          </button>
        )}
      </div>
      <p class="soft small" role="status">
        {measuring && `Measured ${speeds.size} of ${facts?.length ?? 0}.`}
        {!measuring &&
          speeds.size > 0 &&
          `Training on batches of ${shape.batch} x ${shape.steps} tokens out of ${shape.vocabulary}, ${threads}; reading tokens one at a time.`}
      </p>
      {(error ?? failed) !== undefined && (
        <p class="error" role="alert">
          {error ?? failed}
        </p>
      )}
      <ul class="gallery">
        {rows.map((row) => (
          <GalleryCell key={row.name} row={row} fastest={fastest} />
        ))}
      </ul>
    </section>
  );
}

function GalleryCell({ row, fastest }: { readonly row: Row; readonly fastest: number }) {
  const [open, setOpen] = useState(false);
  return (
    <li class="card">
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="who">
            <b>{row.name}</b> <span class="soft">{row.year}</span>
            <span class="differs">{row.differs}</span>
          </span>
          <span class="cost numbers">
            {whole.format(row.parameters)} <span class="soft">parameters</span>
          </span>
          <Speed speed={row.speed} fastest={fastest} />
        </summary>
        {open && <Opened row={row} />}
      </details>
    </li>
  );
}

function Speed({ speed, fastest }: { readonly speed: CellSpeed | undefined; readonly fastest: number }) {
  if (speed === undefined) return <span class="speed" />;
  const { trainedPerSecond } = speed;
  if (trainedPerSecond === undefined) return <span class="speed soft">no gradient</span>;
  return (
    <span class="speed numbers">
      {whole.format(trainedPerSecond)} <span class="soft">tokens/s</span>
      <span class="bar" style={{ inlineSize: `${(100 * trainedPerSecond) / fastest}%` }} />
    </span>
  );
}

function Opened({ row }: { readonly row: Row }) {
  const { name, states, multiplyAdds, looped, hoisted, speed } = row;
  const { value } = useAnswer("equations", name);
  const products = `${looped.length} in the time loop, ${hoisted.length} for all steps at once`;
  return (
    <div class="opened">
      {value !== undefined && <Formula display tex={value.tex} />}
      {value !== undefined && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be in reach of the keyboard
        <pre class="scroll" tabIndex={0}>
          {value.source}
        </pre>
      )}
      <dl class="facts numbers">
        <dt>States</dt>
        <dd>{states.length === 0 ? "none" : states.join(", ")}</dd>
        <dt>Products</dt>
        <dd>{products}</dd>
        <dt>Multiply-adds per step</dt>
        <dd>{whole.format(multiplyAdds)}</dd>
        {speed !== undefined && <dt>Reading speed, one text</dt>}
        {speed !== undefined && <dd>{whole.format(speed.readPerSecond)} tokens/s</dd>}
      </dl>
      <a class="button" href={linkTo("lab", [], { start: name })}>
        Take {name} to the Lab
      </a>
    </div>
  );
}

/** The measured speeds, from an engine that ends with the view. */
function useSpeeds() {
  const [speeds, setSpeeds] = useState<ReadonlyMap<string, CellSpeed>>(new Map());
  const [measuring, setMeasuring] = useState(false);
  const [failed, setFailed] = useState<string>();
  const end = useRef<() => void>(() => {});
  useEffect(() => () => end.current(), []);
  const stop = (): void => {
    end.current();
    setMeasuring(false);
  };
  const forget = (): void => {
    stop();
    setSpeeds(new Map());
  };
  const measure = async (names: readonly string[], units: number): Promise<void> => {
    const engine = startEngine();
    end.current = engine.end;
    setSpeeds(new Map());
    setFailed(undefined);
    setMeasuring(true);
    try {
      for await (const speed of engine.run("measureCells", names, { ...shape, units, input: 64 })) {
        setSpeeds((before) => new Map(before).set(speed.name, speed));
      }
    } catch (error) {
      setFailed(messageOf(error));
    }
    stop();
  };
  return {
    speeds,
    measuring,
    failed,
    measure: (...all: Parameters<typeof measure>) => void measure(...all),
    stop,
    forget,
  };
}
