/**
 * The words of English that punctuation rules would cut in the wrong place, with their tokens: contractions,
 * abbreviations, emoticons. The list is that of spaCy 3 for English (MIT licence, Explosion), built as there from
 * patterns. Knows nothing about texts.
 */

/** Each word with its tokens, which joined are the word. A map, so that any word may be asked for. */
export const englishExceptions: ReadonlyMap<string, readonly string[]> = collect();

function collect(): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const add = (...tokens: string[]) => found.set(tokens.join(""), tokens);
  const words = (list: string) => list.split(/\s+/).filter((word) => word !== "");
  /** Every word small and with a capital. */
  const cased = (list: string) =>
    words(list).flatMap((word) => [word, (word[0] as string).toUpperCase() + word.slice(1)]);
  /** Every ending with its apostrophe and without: "I'll", "Ill". */
  const apostrophes = ["'", ""];

  for (const apostrophe of apostrophes) {
    const ending = (letters: string) => apostrophe + letters;
    for (const word of cased("i")) {
      add(word, ending("m"));
      add(word, ending("m"), "a");
    }
    for (const word of cased("i you he she it we they who what when where why how there that this these those")) {
      add(word, ending("ll"));
      add(word, ending("ll"), ending("ve"));
      add(word, ending("d"));
      add(word, ending("d"), ending("ve"));
    }
    for (const word of cased(
      "i you we they who what when where why how there these those could might must should would",
    )) {
      add(word, ending("ve"));
    }
    for (const word of cased("you we they who what when where why how there these those")) add(word, ending("re"));
    for (const word of cased("he she it who what when where why how there that this")) add(word, ending("s"));
    for (const word of cased("not")) add(word, ending("ve"));

    const not = `n${apostrophe}t`;
    for (const word of cased("ca could do does did had may might must need ought sha should wo would")) {
      add(word, not);
      add(word, not, ending("ve"));
    }
    for (const word of cased("ai are is was were have has dare")) add(word, not);
    for (const word of cased("doin goin nothin nuthin ol somethin lovin havin")) add(word + apostrophe);
    for (const word of words("em ll nuff")) add(apostrophe + word);
    add(`y${apostrophe}`, "all");
  }
  for (let hour = 1; hour <= 12; hour++) for (const half of words("a.m. am p.m. pm")) add(String(hour), half);
  for (const word of cased("how")) add(word, "'d", "'y");
  for (const word of cased("can")) add(word, "not");
  for (const word of cased("gon")) add(word, "na");
  for (const word of cased("got")) add(word, "ta");
  for (const word of cased("let")) add(word, "'s");
  for (const word of cased("c'm")) add(word, "on");

  // What looks like a contraction without its apostrophe, but is a word.
  for (const word of cased("ill its hell shell shed were well whore")) found.delete(word);

  const whole = `
    'S 's ‘S ‘s 're 'd 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout and/or w/o ma'am Ma'am o'clock O'clock
    Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan.
    Kans. Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa.
    S.C. Sep. Sept. Tenn. Va. Wash. Wis.
    a.m. p.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr. Ltd. Md. Messrs. Mo.
    Mont. Mr. Mrs. Ms. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s.
    ' '' \\") \\t \\n — <space> C++
    a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. t. u. v. w. x. y. z. ä. ö. ü.
    :) :-) :)) :-)) :))) :-))) (: (-: =) (= ") :] :-] [: [-: :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(( :-((
    :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :* :-*
    :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D
    ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o
    @_@ <3 <33 <333 </3 (^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>
  `;
  for (const word of words(whole)) add(word);
  return found;
}
