/** docs/options.md, made of the rules that check the entries. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Rule, Schema } from "../../src/graph/schema.ts";
import { publicModules } from "../helpers/public-modules.ts";
import { entries } from "./entries.ts";

/** What is imported from elsewhere than "unrolled", by name. */
const places = new Map<string, string>();
const root = join(import.meta.dirname, "../..");
for (const { name: place, source } of publicModules) {
  const names = Object.keys(await import(/* @vite-ignore */ join(root, source)));
  for (const name of names) if (!places.has(name)) places.set(name, place);
}

/** The names that a docstring of `src` marks as deprecated, each with what it says. */
export const deprecated: ReadonlyMap<string, string> = new Map(
  readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file))
    .flatMap((file) => {
      const source = readFileSync(join(root, "src", file), "utf8");
      const docstrings = source.matchAll(
        /\/\*\*((?:(?!\*\/).)*)\*\/\s*(?:export )?(?:async )?(?:const|function|class|type|get)? ?(\w+)/gs,
      );
      return [...docstrings].flatMap(([, text = "", name = ""]): [string, string][] => {
        const [, advice] = /@deprecated\s+((?:(?!\n\s*\* @).)*)/s.exec(text) ?? [];
        return advice === undefined ? [] : [[name, advice.replaceAll(/\s*\n\s*\*\s*/g, " ").trim()]];
      });
    }),
);

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

/** What the deprecated ones of these names say. */
const advice = (names: readonly string[]): string =>
  names
    .flatMap((name) => (deprecated.has(name) ? [`\`${name}\` is deprecated. ${deprecated.get(name)}\n\n`] : []))
    .join("");
const heading = (name: string): string => (deprecated.has(name) ? `${name} (deprecated)` : name);

/** Said where it is not "unrolled"; a method comes with what has it. */
function origin(names: readonly string[]): string {
  const from = names.flatMap((name) => {
    const place = places.get(name) ?? "unrolled";
    return place === "unrolled" ? [] : [`\`${name}\` from \`${place}\``];
  });
  return from.length === 0 ? "" : `${from.join(", ")}.\n\n`;
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
    ([table, names]) =>
      `## ${names.map(heading).join(", ")}\n\n${origin(names)}${advice(names)}| option | must be | also called |\n| --- | --- | --- |\n${table}\n`,
  );
  return sections.join("\n");
}
