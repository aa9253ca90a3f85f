/** The names that equations define, read from their text by the type checker: types only. */

/** Every line's name, states without the prime; `string` where the text is not known to the type checker. */
export type NamesIn<Source extends string> = string extends Source ? string : NamesOf<Source, never>;

// Tail-recursive: the second parameter gathers the names so far, so that long cells stay within the checker's limits.
type NamesOf<Source extends string, Found> = Source extends `${infer Line}\n${infer Rest}`
  ? NamesOf<Rest, Found | NameOf<Line>>
  : Found | NameOf<Source>;

type NameOf<Line extends string> =
  WithoutComment<Line> extends `${infer Target}=${string}` ? Unprimed<Trim<Target>> : never;
type WithoutComment<Line extends string> = Line extends `${infer Code}#${string}` ? Code : Line;
type Unprimed<Name extends string> = Name extends `${infer State}'` ? State : Name;

type Blank = " " | "\t" | "\r";
type Trim<Text extends string> = Text extends `${Blank}${infer Rest}`
  ? Trim<Rest>
  : Text extends `${infer Rest}${Blank}`
    ? Trim<Rest>
    : Text;
