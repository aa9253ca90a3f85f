/** The settings of a training, each with what it is, and what is wrong with it. */
import { useId } from "preact/hooks";
import { type FieldName, type Form, fields, problemOf } from "./settings.ts";

export type SettingsFormProps = {
  readonly form: Form;
  readonly onChange: (form: Form) => void;
  /** A kept model goes on: what it is made of stands. */
  readonly made: boolean;
};

export function SettingsForm({ form, onChange, made }: SettingsFormProps) {
  const field = (name: FieldName, disabled = false) => (
    <NumberField
      name={name}
      text={form[name]}
      disabled={disabled}
      onInput={(text) => onChange({ ...form, [name]: text })}
    />
  );
  return (
    <div class="settings">
      {field("units", made)}
      {field("layers", made)}
      <label class="field">
        Tokens
        <select
          value={form.tokens}
          disabled={made}
          onChange={({ currentTarget: { value } }) => onChange({ ...form, tokens: value as Form["tokens"] })}
        >
          <option value="char">characters</option>
          <option value="word">words</option>
          <option value="bpe">byte pairs</option>
        </select>
        <span class="soft small">what is read at a step</span>
      </label>
      {field("dropout", made)}
      {field("batch")}
      {field("steps")}
      {field("learningRate")}
      {field("seed")}
      <label class="field">
        Train for
        <select
          value={form.until}
          onChange={({ currentTarget: { value } }) => onChange({ ...form, until: value as Form["until"] })}
        >
          <option value="epochs">epochs</option>
          <option value="minutes">minutes</option>
        </select>
      </label>
      {field(form.until)}
    </div>
  );
}

type NumberFieldProps = {
  readonly name: FieldName;
  readonly text: string;
  readonly disabled: boolean;
  readonly onInput: (text: string) => void;
};

function NumberField({ name, text, disabled, onInput }: NumberFieldProps) {
  const id = useId();
  const { label, hint } = fields[name];
  const problem = disabled ? undefined : problemOf(name, text);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        inputMode="decimal"
        autocomplete="off"
        value={text}
        disabled={disabled}
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-about`}
        onInput={({ currentTarget: { value } }) => onInput(value)}
      />
      <span id={`${id}-about`} class={problem === undefined ? "soft small" : "error small"}>
        {problem ?? hint}
      </span>
    </div>
  );
}
