/** A cell as a part of a link: its text, compressed, in characters that an address can contain. */

import { texts } from "../../texts/texts.ts";

/** The largest length of equations. */
const maxCharacters = 100_000;

export async function packText(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @throws Error for a part that is invalid or was cut */
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
      // A short link can expand to gigabytes.
      if (text.length > maxCharacters) throw new Error("too long");
      if (done) return text;
    }
  } catch {
    throw new Error(texts.lab.cell.share.damaged);
  }
}
