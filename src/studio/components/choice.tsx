/** A choice of one option: radio buttons that look like a row of buttons. */
import { useId } from "preact/hooks";
import "./choice.css";

export type ChoiceProps<Value extends string> = {
  /** The label for screen readers. */
  readonly label: string;
  readonly value: Value;
  /** The options, with the text on their buttons. */
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

/** The texts of the buttons, from a table whose entries have a title. */
export const titlesOf = <Value extends string>(
  table: Readonly<Record<Value, { readonly title: string }>>,
): Readonly<Record<Value, string>> =>
  Object.fromEntries(
    Object.entries<{ readonly title: string }>(table).map(([name, { title }]) => [name, title]),
  ) as never;

/** The option that an address names, if it exists. */
export const chosen = <Value extends string>(
  table: Readonly<Record<Value, unknown>>,
  asked: string | undefined,
  otherwise: Value,
): Value => (asked !== undefined && Object.hasOwn(table, asked) ? (asked as Value) : otherwise);
