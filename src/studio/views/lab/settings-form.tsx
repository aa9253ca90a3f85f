/** The form with the settings of a training, each with its description and its error. */
import { useEffect, useId, useState } from "preact/hooks";
import { offersGraphics } from "../../graphics.ts";
import { decayOf, optimizerTitles, scheduleTitles, tokenTitles } from "../../models/training-facts.ts";
import { texts } from "../../texts/texts.ts";
import { deviceTitles, type FieldName, type Form, fields, problemOf, withOptimizer } from "./settings.ts";

const own = texts.lab.training.settings;

export type SettingsFormProps = {
  readonly form: Form;
  readonly onChange: (form: Form) => void;
  /** A stored model continues: the settings of the model cannot change. */
  readonly made: boolean;
};

export function SettingsForm({ form, onChange, made }: SettingsFormProps) {
  const hasGraphics = useGraphics();
  const field = (name: FieldName, disabled = false) => (
    <NumberField
      key={name}
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
      <Select
        label={own.tokens.label}
        hint={own.tokens.hint}
        value={form.tokens}
        options={tokenTitles}
        disabled={made}
        onChange={(tokens) => onChange({ ...form, tokens })}
      />
      {field("dropout", made)}
      {field("batch")}
      {field("steps")}
      <Select
        label={own.optimizer.label}
        hint={own.optimizer.hint}
        value={form.optimizer}
        options={optimizerTitles}
        disabled={made}
        onChange={(optimizer) => onChange(withOptimizer(form, optimizer))}
      />
      {field("learningRate")}
      <Select
        label={own.schedule.label}
        hint={own.schedule.hint}
        value={form.schedule}
        options={scheduleTitles}
        onChange={(schedule) => onChange({ ...form, schedule })}
      />
      {decayOf(form.schedule).map((name) => field(name))}
      {field("clipNorm")}
      {field("seed")}
      {hasGraphics && (
        <Select
          label={own.device.label}
          hint={own.device.hint}
          value={form.device}
          options={deviceTitles}
          onChange={(device) => onChange({ ...form, device })}
        />
      )}
      <Select
        label={own.until.label}
        value={form.until}
        options={own.until.titles}
        onChange={(until) => onChange({ ...form, until })}
      />
      {field(form.until)}
    </div>
  );
}

function useGraphics(): boolean {
  const [offered, setOffered] = useState(false);
  useEffect(() => {
    void offersGraphics().then(setOffered);
  }, []);
  return offered;
}

type SelectProps<Value extends string> = {
  readonly label: string;
  readonly hint?: string;
  readonly value: Value;
  readonly options: Readonly<Record<Value, string>>;
  readonly disabled?: boolean;
  readonly onChange: (value: Value) => void;
};

function Select<Value extends string>({ label, hint, value, options, disabled = false, onChange }: SelectProps<Value>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        aria-describedby={hint === undefined ? undefined : `${id}-about`}
        onChange={({ currentTarget }) => onChange(currentTarget.value as Value)}
      >
        {(Object.keys(options) as Value[]).map((each) => (
          <option key={each} value={each}>
            {options[each]}
          </option>
        ))}
      </select>
      {hint !== undefined && (
        <span id={`${id}-about`} class="soft small">
          {hint}
        </span>
      )}
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
