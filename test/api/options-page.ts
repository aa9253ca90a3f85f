/** docs/options.md, made of the rules that check the entries. */
import type { Rule, Schema } from "../../src/graph/schema.ts";
import { entries } from "./entries.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const row = (name: string, { expected, required, aliases }: Rule, place = "", kind = ""): string =>
  `| \`${place}${name}\`${kind} | ${cell(expected)}${required ? "; has to be given" : ""} | ${(aliases ?? []).map((one) => `\`${one}\``).join(", ")} |`;

/** Options and, below them, the options of those that are objects of named parts. */
function rows(schema: Schema, place = ""): string[] {
  return Object.entries(schema).flatMap(([name, rule]) => [
    row(name, rule, place),
    ...(rule.options === undefined ? [] : rows(rule.options, `${place}${name}.`)),
  ]);
}

export function optionsPage(): string {
  const seen = new Map<string, string[]>();
  for (const { name, rules } of entries) {
    if (rules === undefined) continue;
    const table = Object.entries(rules).flatMap(([argument, rule]) =>
      argument === "options" ? rows(rule.options as Schema) : [row(argument, rule, "", " (argument)")],
    );
    const key = table.join("\n");
    seen.set(key, [...(seen.get(key) ?? []), name]);
  }
  const sections = [...seen].map(
    ([table, names]) => `## ${names.join(", ")}\n\n| option | must be | also called |\n| --- | --- | --- |\n${table}\n`,
  );
  return sections.join("\n");
}
