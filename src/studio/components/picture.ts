/**
 * An element of the page as a picture that needs nothing of the page: one SVG, in the present colours, of what it and
 * all below it show. Pictures stay pictures with their styles written out, canvases become images, boxes rectangles, and text
 * stays text. What is scrolled away within it is there too.
 */
import { texts } from "../texts/texts.ts";

const own = texts.pictures;
const svgSpace = "http://www.w3.org/2000/svg";

/** The most that browsers draw on one canvas: numbers on a side, and altogether. */
const mostSide = 16_384;
const mostPixels = 100_000_000;

export type Picture = {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
  /** Of what shows only a part of itself, such as a map that is too large for one canvas, how much there is in all. */
  readonly cut?: string;
};

/** A canvas with all of a picture, at the size that its style has. */
type Whole = { readonly canvas: HTMLCanvasElement; readonly cut?: string };
const wholes = new WeakMap<Element, () => Whole | undefined>();

/**
 * Of an element that has only what is seen of it: how all of it is had, as a canvas, or, where nothing is returned, as elements
 * below it.
 */
export const drawsWhole = (element: Element, draw: () => Whole | undefined): unknown => wholes.set(element, draw);

/** What decides how a part of an SVG looks, beside its colours. */
const looks = [
  ...["fill-rule", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "stroke-miterlimit"],
  ...["opacity", "paint-order", "vector-effect", "shape-rendering", "visibility", "clip-path"],
  ...["font-family", "font-size", "font-weight", "font-style", "letter-spacing", "text-anchor", "dominant-baseline"],
];
/** Its colours, each with what says how opaque it is. */
const colours = { fill: "fill-opacity", stroke: "stroke-opacity", "stop-color": "stop-opacity" } as const;
const isColour = /^(rgb|color|oklab|oklch|lab|lch|hsl|hwb)a?\(/;
/** With fonts that every system has, should the first not be there. */
const familyOf = (family: string): string =>
  /(sans-serif|monospace)$/.test(family) ? family : `${family}, ${/KaTeX/.test(family) ? "serif" : "sans-serif"}`;

const ink = new Map<string, { readonly colour: string; readonly opacity: number }>();
let probe: CanvasRenderingContext2D | null = null;

/** A colour of CSS, in any of its notations, as one that every program knows, and how opaque it is. */
function inkOf(css: string): { readonly colour: string; readonly opacity: number } {
  const known = ink.get(css);
  if (known !== undefined) return known;
  probe ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true }) as never;
  const context = probe as CanvasRenderingContext2D;
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = css;
  context.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0, alpha = 0] = context.getImageData(0, 0, 1, 1).data;
  const hex = [red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("");
  const found = { colour: `#${hex}`, opacity: Math.round((1000 * alpha) / 255) / 1000 };
  ink.set(css, found);
  return found;
}

const rounded = (value: number): string => String(Math.round(100 * value) / 100);

type Attributes = Readonly<Record<string, string | number | undefined>>;

function make(name: string, attributes: Attributes, inside?: string): SVGElement {
  const element = document.createElementNS(svgSpace, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(key, typeof value === "number" ? rounded(value) : value);
  }
  if (inside !== undefined) element.textContent = inside;
  return element;
}

/** Write out how an element of an SVG looks, on its copy. */
function copyLook(from: Element, to: Element): void {
  const style = getComputedStyle(from);
  for (const name of ["style", "class", ...looks, ...Object.values(colours)]) to.removeAttribute(name);
  for (const name of looks) {
    const value = style.getPropertyValue(name);
    const [, id] = /url\("?[^"#]*#([^")]+)"?\)/.exec(value) ?? [];
    if (name === "font-family") to.setAttribute(name, familyOf(value));
    else if (id !== undefined) to.setAttribute(name, `url(#${id})`);
    else if (value !== "" && value !== "none") to.setAttribute(name, value.replace(/px\b/g, ""));
  }
  for (const [name, opaque] of Object.entries(colours)) {
    const value = style.getPropertyValue(name);
    if (!isColour.test(value)) {
      if (value === "none") to.setAttribute(name, value);
      continue;
    }
    const { colour, opacity } = inkOf(value);
    to.setAttribute(name, colour);
    const share = opacity * Number(style.getPropertyValue(opaque) || 1);
    if (share < 1) to.setAttribute(opaque, rounded(share));
  }
  const { transform } = style;
  if (transform !== "none" && transform !== "" && from.tagName !== "svg") to.setAttribute("transform", transform);
}

function copySvg(svg: SVGSVGElement, x: number, y: number): SVGElement {
  const { width, height } = svg.getBoundingClientRect();
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const [from, to] = [svg.querySelectorAll("*"), copy.querySelectorAll("*")];
  const gone: Element[] = [];
  from.forEach((element, k) => {
    const other = to[k] as Element;
    if (element.tagName === "style" || element.tagName === "title") gone.push(other);
    else if (getComputedStyle(element).display === "none" && element.closest("defs, clipPath") === null)
      gone.push(other);
    else copyLook(element, other);
  });
  for (const element of gone) element.remove();
  copyLook(svg, copy);
  for (const name of [...copy.attributes].map(({ name }) => name)) {
    if (/^(role|aria-|data-|tabindex|on)/.test(name)) copy.removeAttribute(name);
  }
  const place: Attributes = { x, y, width, height, overflow: getComputedStyle(svg).overflow };
  for (const [key, value] of Object.entries(place))
    copy.setAttribute(key, typeof value === "number" ? rounded(value) : String(value));
  return copy;
}

/** What is there, but not to be seen or not part of the picture. */
function isUnseen(element: Element, style: CSSStyleDeclaration): boolean {
  if (style.display === "none" || style.visibility === "hidden" || Number(style.opacity) === 0) return true;
  if (element.matches("input, select, textarea, .katex-mathml, script, style, [data-not-saved]")) return true;
  const { width, height } = element.getBoundingClientRect();
  return style.display !== "contents" && style.overflow !== "visible" && (width < 2 || height < 2);
}

type Box = { left: number; top: number; right: number; bottom: number };

/** What an element shows, as an SVG. @throws Error if it shows nothing, or is too large */
export function pictureOf(element: Element): Picture {
  const out = make("svg", { xmlns: svgSpace });
  /** What is drawn goes here: a group where an element is not opaque. */
  let into = out;
  const box: Box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  const grow = (left: number, top: number, width: number, height: number): void => {
    box.left = Math.min(box.left, left);
    box.top = Math.min(box.top, top);
    box.right = Math.max(box.right, left + width);
    box.bottom = Math.max(box.bottom, top + height);
  };
  let cut: string | undefined;

  const drawBox = (left: number, top: number, width: number, height: number, style: CSSStyleDeclaration): void => {
    if (width <= 0 || height <= 0) return;
    const { colour, opacity } = inkOf(style.backgroundColor);
    const stops = style.backgroundImage.startsWith("linear-gradient(to right") ? gradientOf(style.backgroundImage) : [];
    const sides = ["Top", "Right", "Bottom", "Left"] as const;
    const widths = sides.map((side) =>
      style[`border${side}Style`] === "none" ? 0 : Number.parseFloat(style[`border${side}Width`]),
    );
    const [thick = 0] = widths;
    const isFramed = thick > 0 && widths.every((each) => each === thick);
    const round = Math.min(Number.parseFloat(style.borderTopLeftRadius) || 0, width / 2, height / 2);
    const rx = style.borderTopLeftRadius.endsWith("%") ? Math.min(width, height) / 2 : round;
    if (opacity > 0 || isFramed || stops.length > 0) {
      const border = inkOf(style.borderTopColor);
      let fill = opacity > 0 ? colour : "none";
      if (stops.length > 0) {
        const id = `ramp-${out.querySelectorAll("linearGradient").length}`;
        const gradient = make("linearGradient", { id });
        for (const [offset, stop] of stops) gradient.append(make("stop", { offset, "stop-color": stop }));
        into.append(gradient);
        fill = `url(#${id})`;
      }
      const line = isFramed && border.opacity > 0;
      into.append(
        make("rect", {
          ...{ x: left + (line ? thick / 2 : 0), y: top + (line ? thick / 2 : 0), rx },
          ...{ width: width - (line ? thick : 0), height: height - (line ? thick : 0), fill },
          ...(opacity < 1 && fill === colour ? { "fill-opacity": opacity } : {}),
          ...(line ? { stroke: border.colour, "stroke-opacity": border.opacity, "stroke-width": thick } : {}),
        }),
      );
      grow(left, top, width, height);
    }
    if (isFramed) return;
    sides.forEach((side, k) => {
      const thick = widths[k] as number;
      const { colour, opacity } = inkOf(style[`border${side}Color`]);
      if (thick === 0 || opacity === 0) return;
      const [x, y] = [side === "Right" ? left + width - thick : left, side === "Bottom" ? top + height - thick : top];
      const across = side === "Top" || side === "Bottom";
      const size = { width: across ? width : thick, height: across ? thick : height };
      into.append(make("rect", { x, y, ...size, fill: colour, "fill-opacity": opacity }));
    });
  };

  const drawText = (node: Text): void => {
    const { parentElement: parent, data } = node;
    if (parent === null || data.trim() === "") return;
    const style = getComputedStyle(parent);
    const { colour, opacity } = inkOf(style.color);
    const range = document.createRange();
    const lines: { text: string; left: number; right: number; top: number; bottom: number }[] = [];
    for (let k = 0; k < data.length; ) {
      const length = (data.codePointAt(k) as number) > 0xffff ? 2 : 1;
      range.setStart(node, k);
      range.setEnd(node, k + length);
      const sign = data.slice(k, k + length);
      k += length;
      const { left, right, top, bottom, width } = range.getBoundingClientRect();
      if (width === 0) continue;
      const last = lines.at(-1);
      if (last !== undefined && Math.abs(last.top - top) < 2 && left >= last.right - 2) {
        last.text += sign;
        last.right = right;
      } else lines.push({ text: sign, left, right, top, bottom });
    }
    const size = Number.parseFloat(style.fontSize);
    for (const { text, left, right, top, bottom } of lines) {
      if (text.trim() === "") continue;
      into.append(
        make(
          "text",
          {
            ...{ x: left, y: (top + bottom) / 2 + 0.35 * size, fill: colour, "font-size": size },
            ...{ "font-family": familyOf(style.fontFamily), "font-weight": style.fontWeight },
            ...(opacity < 1 ? { "fill-opacity": opacity } : {}),
            ...(style.fontStyle === "normal" ? {} : { "font-style": style.fontStyle }),
            // So that it ends where it did also in another font.
            ...(text.trim().length > 1 ? { textLength: right - left, lengthAdjust: "spacingAndGlyphs" } : {}),
            "xml:space": "preserve",
          },
          style.textTransform === "uppercase" ? text.toUpperCase() : text,
        ),
      );
      grow(left, top, right - left, bottom - top);
    }
  };

  const draw = (element: Element): void => {
    const style = getComputedStyle(element);
    if (isUnseen(element, style)) return;
    const around = into;
    if (Number(style.opacity) < 1 && !(element instanceof SVGSVGElement)) {
      into = make("g", { opacity: Number(style.opacity) });
      around.append(into);
    }
    drawInside(element, style);
    into = around;
  };
  const drawInside = (element: Element, style: CSSStyleDeclaration): void => {
    const { left, top, width, height } = element.getBoundingClientRect();
    const whole = wholes.get(element)?.();
    const canvas = whole?.canvas ?? (element instanceof HTMLCanvasElement ? element : undefined);
    if (canvas !== undefined) {
      cut = whole?.cut ?? cut;
      if (canvas.width === 0 || canvas.height === 0) return;
      const [wide, tall] =
        whole === undefined
          ? [width, height]
          : [Number.parseFloat(canvas.style.width), Number.parseFloat(canvas.style.height)];
      const size = { x: left, y: top, width: wide, height: tall, preserveAspectRatio: "none" };
      const rendering = style.imageRendering === "pixelated" ? { "image-rendering": "pixelated" } : {};
      into.append(make("image", { ...size, href: canvas.toDataURL(), ...rendering }));
      grow(left, top, wide, tall);
      return;
    }
    if (element instanceof SVGSVGElement) {
      into.append(copySvg(element, left, top));
      grow(left, top, width, height);
      return;
    }
    if (style.display === "inline") {
      for (const each of element.getClientRects()) drawBox(each.left, each.top, each.width, each.height, style);
    } else if (/auto|scroll/.test(style.overflow) && style.display !== "contents") {
      // As large as all that is in it.
      const [wide, tall] = [Math.max(width, element.scrollWidth), Math.max(height, element.scrollHeight)];
      drawBox(left - element.scrollLeft, top - element.scrollTop, wide, tall, style);
    } else if (style.display !== "contents") drawBox(left, top, width, height, style);
    for (const part of ["::before", "::after"]) {
      const style = getComputedStyle(element, part);
      const [wide, tall] = [Number.parseFloat(style.width), Number.parseFloat(style.height)];
      // One that has a size of its own is in the middle of its element.
      if (style.content === "none" || !(wide > 0) || !(tall > 0)) continue;
      drawBox(left + (width - wide) / 2, top + (height - tall) / 2, wide, tall, style);
    }
    for (const child of element.childNodes) {
      if (child instanceof Text) drawText(child);
      else if (child instanceof Element) draw(child);
    }
  };
  draw(element);
  if (!(box.right > box.left && box.bottom > box.top)) throw new Error(own.empty);

  const margin = 8;
  const [left, top] = [Math.floor(box.left) - margin, Math.floor(box.top) - margin];
  const [width, height] = [Math.ceil(box.right) + margin - left, Math.ceil(box.bottom) + margin - top];
  out.setAttribute("viewBox", `${left} ${top} ${width} ${height}`);
  out.setAttribute("width", String(width));
  out.setAttribute("height", String(height));
  const paper = inkOf(getComputedStyle(document.documentElement).backgroundColor);
  out.prepend(make("rect", { x: left, y: top, width, height, fill: paper.colour }));
  const svg = `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(out)}\n`;
  return { svg, width, height, ...(cut === undefined ? {} : { cut }) };
}

/** The stops of a gradient to the right, as CSS computes it. */
function gradientOf(image: string): readonly (readonly [offset: number, colour: string])[] {
  const inside = image.slice(image.indexOf("(") + 1, -1);
  const stops = [...inside.matchAll(/((?:rgb|color|oklab|oklch)a?\([^()]*\)|#\w+)\s*([\d.]+%)?/g)];
  return stops.map(([, colour = "", at], k) => [
    at === undefined ? k / Math.max(1, stops.length - 1) : Number.parseFloat(at) / 100,
    inkOf(colour).colour,
  ]);
}

/** How much larger than on the page a picture of this size becomes, where twice is more than a canvas takes. */
export const scaleOf = (width: number, height: number): number =>
  Math.min(2, mostSide / width, mostSide / height, Math.sqrt(mostPixels / (width * height)));

/** The picture as PNG, twice as large as on the page. @throws Error if the browser has no room for it */
export async function pngOf({ svg, width, height }: Picture): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const scale = scaleOf(width, height);
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
    if (blob === null) throw new Error(own.noRoom);
    return blob;
  } finally {
    URL.revokeObjectURL(url);
  }
}
