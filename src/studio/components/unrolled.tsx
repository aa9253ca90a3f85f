/**
 * Draw a recurrent network unrolled through time: one copy for each step, side by side. The layout fits the available
 * width.
 */
import { heat } from "./heat-colour.ts";
import { useWidth } from "./width.ts";

/** The parts of one time step. Absent parts are not drawn. */
export type UnrolledStep = {
  readonly input?: string;
  /** The text within the copy of the network. */
  readonly inside?: string;
  readonly output?: string;
  /** A value from -1 to 1, which gives the colour of the copy. */
  readonly value?: number;
  /** Whether it is another network than the previous one; it is drawn with a double edge. */
  readonly second?: boolean;
  /** Whether the output becomes the next input. */
  readonly goesBack?: boolean;
};

export type UnrolledProps = {
  readonly label: string;
  readonly steps: readonly UnrolledStep[];
  /** The selected step. */
  readonly now?: number | undefined;
  /** The labels of the arrows from input to network, and from step to step. */
  readonly wires?: { readonly input: string; readonly state: string };
};

const height = 216;
const [outputY, cellY, inputY] = [26, 104, 182];

export function Unrolled({ label, steps, now, wires }: UnrolledProps) {
  const [place, width] = useWidth<HTMLDivElement>();
  const column = Math.min(104, width / steps.length);
  const cell = Math.min(56, 0.66 * column);
  const round = Math.min(22, cell / 2);
  const size = Math.max(10, Math.min(14, 0.26 * column));
  return (
    <div ref={place} class="unrolled" style={{ minHeight: `${height}px` }}>
      {width > 0 && (
        <svg class="drawn" width={width} height={height} role="img" aria-label={label} font-size={size}>
          {steps.map(({ input, inside, output, value, second, goesBack }, t) => {
            const x = column * (t + 0.5);
            const lit = t === now ? "node lit" : "node";
            return (
              <g key={t} style={{ fontSize: `${size}px` }}>
                {t > 0 && <Arrow from={[x - column + cell / 2, cellY]} to={[x - cell / 2, cellY]} />}
                {t > 0 && wires !== undefined && cell > 40 && (
                  <text class="soft" x={x - column / 2} y={cellY - 9} text-anchor="middle">
                    {wires.state}
                  </text>
                )}
                {input !== undefined && (
                  <>
                    <Arrow from={[x, inputY - round]} to={[x, cellY + cell / 2]} />
                    {wires !== undefined && (
                      <text class="soft" x={x + 7} y={cellY + cell / 2 + 22}>
                        {wires.input}
                      </text>
                    )}
                    <circle class={lit} cx={x} cy={inputY} r={round} fill="var(--paper)" />
                    <text x={x} y={inputY + size / 3} text-anchor="middle">
                      {input}
                    </text>
                  </>
                )}
                {output !== undefined && (
                  <>
                    <Arrow from={[x, cellY - cell / 2]} to={[x, outputY + round]} />
                    <circle class={lit} cx={x} cy={outputY} r={round} fill="var(--paper)" />
                    <text x={x} y={outputY + size / 3} text-anchor="middle">
                      {output}
                    </text>
                  </>
                )}
                {goesBack && (
                  <path
                    class="wire dashed"
                    d={`M${x + round} ${outputY}C${x + 0.75 * column} ${outputY} ${x + 0.25 * column} ${inputY} ${x + column - round} ${inputY}`}
                  />
                )}
                <rect
                  class={lit}
                  x={x - cell / 2}
                  y={cellY - cell / 2}
                  width={cell}
                  height={cell}
                  rx="9"
                  fill={value === undefined ? "var(--paper)" : heat(value, 0.6)}
                />
                {second && (
                  <rect
                    class="wire"
                    x={x - cell / 2 + 4}
                    y={cellY - cell / 2 + 4}
                    width={cell - 8}
                    height={cell - 8}
                    rx="6"
                  />
                )}
                {inside !== undefined && (
                  <text x={x} y={cellY + size / 3} text-anchor="middle">
                    {inside}
                  </text>
                )}
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

type Place = readonly [x: number, y: number];

/** Straight, to the right or up. */
function Arrow({ from: [x1, y1], to: [x2, y2] }: { readonly from: Place; readonly to: Place }) {
  const head = y1 === y2 ? `m-5-4 5 4-5 4` : `m-4 5 4-5 4 5`;
  return <path class="wire" d={`M${x1} ${y1}L${x2} ${y2}${head}`} />;
}

/** The same network, folded: one copy whose output returns to it. */
export function Folded({ label, wires }: { readonly label: string; readonly wires: UnrolledProps["wires"] }) {
  return (
    <svg class="drawn folded" viewBox={`0 0 132 ${height}`} width="132" height={height} role="img" aria-label={label}>
      <Arrow from={[52, inputY - 22]} to={[52, cellY + 28]} />
      <text class="soft" x="59" y={cellY + 50}>
        {wires?.input}
      </text>
      <Arrow from={[52, cellY - 28]} to={[52, outputY + 22]} />
      <path class="wire" d={`M52 ${cellY - 40}H108V${cellY}H80m5-4-5 4 5 4`} />
      <text class="soft" x="113" y={cellY - 16}>
        {wires?.state}
      </text>
      <circle class="node" cx="52" cy={inputY} r="22" fill="var(--paper)" />
      <text x="52" y={inputY + 5} text-anchor="middle">
        x
      </text>
      <circle class="node" cx="52" cy={outputY} r="22" fill="var(--paper)" />
      <text x="52" y={outputY + 5} text-anchor="middle">
        h
      </text>
      <rect class="node" x="24" y={cellY - 28} width="56" height="56" rx="9" fill="var(--paper)" />
      <text x="52" y={cellY + 5} text-anchor="middle">
        tanh
      </text>
    </svg>
  );
}
