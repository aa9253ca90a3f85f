/** A cell as a part of a link: its text, deflated, in letters that an address may have. */

/** The longest text that equations may have. */
const maxCharacters = 100_000;

export async function packText(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @throws Error for what is no such part, or was cut */
export async function unpackText(packed: string): Promise<string> {
  try {
    const bytes = Uint8Array.from(atob(packed.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const reader = stream.getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      text += decoder.decode(value, { stream: !done });
      // A link of a few letters can hold gigabytes of one.
      if (text.length > maxCharacters) throw new Error("too long");
      if (done) return text;
    }
  } catch {
    throw new Error("This link's cell cannot be read: part of the link is missing or changed. Ask for it again.");
  }
}
