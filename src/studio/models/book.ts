/** The text that is there without asking for one: Moby-Dick, fetched once. */
let book: Promise<string> | undefined;

export function mobyDick(): Promise<string> {
  book ??= fetch("./data/moby-dick.txt").then((response) => {
    if (response.ok) return response.text();
    throw new Error(`data/moby-dick.txt: the page's host answered ${response.status}. Is the folder whole?`);
  });
  return book;
}
