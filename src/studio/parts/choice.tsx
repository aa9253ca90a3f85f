/** One of a few: radio buttons that look like a row of buttons. */
import { useId } from "preact/hooks";
import "./choice.css";

export type ChoiceProps<Value extends string> = {
  /** What is chosen, for those who do not see the row. */
  readonly label: string;
  readonly value: Value;
  /** What can be chosen, with what stands on its button. */
  readonly options: Readonly<Record<Value, string>>;
  readonly onChoose: (value: Value) => void;
};

export function Choice<Value extends string>({ label, value, options, onChoose }: ChoiceProps<Value>) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class="visually-hidden">{label}</legend>
      {(Object.keys(options) as Value[]).map((each) => (
        <label key={each}>
          <input type="radio" name={name} checked={each === value} onChange={() => onChoose(each)} />
          <span>{options[each]}</span>
        </label>
      ))}
    </fieldset>
  );
}
