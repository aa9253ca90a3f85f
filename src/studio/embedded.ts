/**
 * A chapter in a frame of another page: `?embed#/learn/learning`, with `?theme=light` or `dark` if not the reader's. What leads out of
 * the chapter opens the studio beside that page, which is told the chapter's height and nothing else.
 */
import { linkTo, readAddress } from "./address.ts";

const asked = new URLSearchParams(globalThis.location?.search ?? "");
export const isEmbedded = asked.has("embed");
export const embeddedTheme = isEmbedded ? asked.get("theme") : null;

/** What the page around is told whenever it changes, in pixels. */
export type HeightMessage = { readonly unrolled: "height"; readonly height: number };

/** Tell the page around how high the content is, from now on. @returns how to end it */
export function tellHeight(content: Element): () => void {
  let told = 0;
  const observer = new ResizeObserver(() => {
    const height = Math.ceil(content.getBoundingClientRect().height);
    if (height === told) return;
    told = height;
    // Any page may frame a chapter, and a height says nothing of its reader.
    parent.postMessage({ unrolled: "height", height } satisfies HeightMessage, "*");
  });
  observer.observe(content);
  return () => observer.disconnect();
}

/** Within the chapter links go as ever; what leads to another place opens the studio itself. */
export function leadOut(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[href^="#/"]') : null;
  if (link === null) return;
  const [to, here] = [readAddress(link.hash), readAddress(location.hash)];
  if (to.view === here.view && to.path[0] === here.path[0]) return;
  link.href = studioAddress(link.hash);
  link.target = "_blank";
  link.rel = "noopener";
}

/** The whole studio at a place. */
export const studioAddress = (hash: string): string => new URL(hash, location.href.replace(/[?#].*$/s, "")).href;

/** What a page has to contain so that a chapter stands in it. */
export function embeddingCode(chapter: string, title: string): string {
  const address = `${location.href.replace(/[?#].*$/s, "")}?embed${linkTo("learn", [chapter])}`;
  const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
  return `<iframe src="${escaped(address)}" title="${escaped(title)}" width="100%" height="900" style="border: 0"
  loading="lazy" allow="clipboard-write"
  sandbox="allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"></iframe>
<script>
  addEventListener("message", ({ source, data }) => {
    for (const frame of document.querySelectorAll("iframe"))
      if (frame.contentWindow === source && data?.unrolled === "height") frame.height = data.height;
  });
</script>
`;
}
