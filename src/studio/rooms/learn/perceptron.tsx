/** Chapter 1: weights, a sum, a threshold. */
import { useState } from "preact/hooks";
import { useAnswer } from "../../engine/engine.ts";
import { Formula } from "../../parts/formula.tsx";
import { Slider } from "../../parts/slider.tsx";

export default function Perceptron() {
  const [weight, setWeight] = useState(0.5);
  const { value } = useAnswer("equations", "perceptron");
  const { value: traced } = useAnswer("trace", "perceptron", [[1, 1]], {
    units: 1,
    parameters: { W: [weight, weight], b: [-0.7] },
  });
  return (
    <>
      {value !== undefined && <Formula display tex={value.tex} />}
      <Slider label="weight" value={weight} min={-1} max={1} step={0.01} onInput={setWeight} />
      <output>{traced?.y?.[0]?.[0]}</output>
    </>
  );
}
