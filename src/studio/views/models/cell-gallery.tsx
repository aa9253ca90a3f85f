/** Every built-in cell: equations, cost at a size that the reader chooses, speed on this machine. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { CellFacts } from "../../../nn/cell-facts.ts";
import { linkTo } from "../../address.ts";
import { differsOf } from "../../components/cells-in-words.ts";
import { Formula } from "../../components/formula.tsx";
import type { CellSpeed } from "../../engine/cell-gallery.ts";
import { startEngine, useAnswer } from "../../engine/engine.ts";
import { messageOf } from "../../loading.ts";
import { fill, rich, texts } from "../../texts/texts.ts";

const own = texts.modelsView.gallery;

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const shape = { vocabulary: 65, batch: 32, steps: 32 } as const;
const sizes = [32, 64, 128, 256, 512] as const;

/** The order of the table. */
const orders = {
  listed: () => 0,
  parameters: ({ parameters }: Row) => parameters,
  year: ({ year }: Row) => year ?? 0,
  speed: ({ speed }: Row) => -(speed?.trainedPerSecond ?? 0),
} as const;
type Order = keyof typeof orders;
type Row = CellFacts & { readonly speed: CellSpeed | undefined };

export function CellGallery() {
  const [units, setUnits] = useState(128);
  const [order, setOrder] = useState<Order>("listed");
  const { value: facts, error } = useAnswer("builtInCells", { units, input: 64 });
  const { speeds, measuring, failed, measure, stop, forget } = useSpeeds();
  const rows = (facts ?? []).map((fact) => ({ ...fact, speed: speeds.get(fact.name) }));
  if (order !== "listed") rows.sort((a, b) => orders[order](a) - orders[order](b));
  const fastest = Math.max(...[...speeds.values()].map(({ trainedPerSecond = 0 }) => trainedPerSecond));
  const trained = [...speeds.values()].some((speed) => speed.threads > 1) ? own.allCores : own.oneCore;
  return (
    <section aria-labelledby="gallery">
      <h2 id="gallery">{own.title}</h2>
      <p>{facts === undefined ? own.leadAlone : fill(own.lead, { n: facts.length })}</p>
      <div class="row gallery-controls">
        <label class="field">
          {own.units}
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
          {own.order}
          <select value={order} onChange={(event) => setOrder(event.currentTarget.value as Order)}>
            {(Object.keys(orders) as Order[]).map((name) => (
              <option key={name} value={name}>
                {own.orders[name]}
              </option>
            ))}
          </select>
        </label>
        {measuring ? (
          <button type="button" onClick={stop}>
            {own.stop}
          </button>
        ) : (
          <button
            type="button"
            class="main"
            disabled={facts === undefined}
            onClick={() => measure(facts?.map(({ name }) => name) ?? [], units)}
          >
            {own.measure}
          </button>
        )}
      </div>
      <p class="soft small" role="status">
        {measuring && fill(own.measured, { n: speeds.size, all: facts?.length ?? 0 })}
        {!measuring && speeds.size > 0 && fill(trained, shape)}
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
            <span class="differs">{differsOf(row.name)}</span>
          </span>
          <span class="cost numbers">{rich(own.parameters, { n: whole.format(row.parameters), soft })}</span>
          <Speed speed={row.speed} fastest={fastest} />
        </summary>
        {open && <Opened row={row} />}
      </details>
    </li>
  );
}

const soft = (inside: ComponentChildren) => <span class="soft">{inside}</span>;

function Speed({ speed, fastest }: { readonly speed: CellSpeed | undefined; readonly fastest: number }) {
  if (speed === undefined) return <span class="speed" />;
  const { trainedPerSecond } = speed;
  if (trainedPerSecond === undefined) return <span class="speed soft">{own.noGradient}</span>;
  return (
    <span class="speed numbers">
      {rich(own.speed, { n: whole.format(trainedPerSecond), soft })}
      <span class="bar" style={{ inlineSize: `${(100 * trainedPerSecond) / fastest}%` }} />
    </span>
  );
}

function Opened({ row }: { readonly row: Row }) {
  const { name, states, multiplyAdds, looped, hoisted, speed } = row;
  const { value } = useAnswer("equations", name);
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
        <dt>{own.states}</dt>
        <dd>{states.length === 0 ? own.noStates : states.join(", ")}</dd>
        <dt>{own.products}</dt>
        <dd>{fill(own.where, { looped: looped.length, hoisted: hoisted.length })}</dd>
        <dt>{own.multiplyAdds}</dt>
        <dd>{whole.format(multiplyAdds)}</dd>
        {speed !== undefined && <dt>{own.reading}</dt>}
        {speed !== undefined && <dd>{fill(own.readPerSecond, { n: whole.format(speed.readPerSecond) })}</dd>}
      </dl>
      <a class="button" href={linkTo("lab", [], { start: name })}>
        {fill(own.take, { name })}
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
