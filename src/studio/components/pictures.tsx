/** All figures of the view that is shown, each to be saved as SVG or PNG. A view has nothing to do for it. */
import { useEffect, useState } from "preact/hooks";
import { download } from "../download.ts";
import { messageOf, once } from "../loading.ts";
import { fill, texts } from "../texts/texts.ts";
import "./pictures.css";

const own = texts.pictures;
const loadPicture = once(() => import("./picture.ts"));

/** What is a figure: pictures with a name, what can be gone through like one, and what says that several are one. */
const figures = "[data-figure], figure, svg[role=img], canvas[role=img], [role=application]";

/** The figures within an element, those within others left out. */
const figuresIn = (root: Element): readonly Element[] =>
  [...root.querySelectorAll(figures)].filter((one) => one.parentElement?.closest(figures) == null);

/** What a figure is called: its own name, that of its caption, or that of the first part that has one. */
function nameOf(figure: Element): string {
  const named = (one: Element | null | undefined): string => one?.getAttribute("aria-label") ?? "";
  const caption = figure.querySelector(":scope > figcaption > strong")?.textContent ?? "";
  const whole =
    figure.getAttribute("data-figure") ||
    named(figure) ||
    caption ||
    named(figure.querySelector("[aria-label]")) ||
    own.unnamed;
  const [first = whole] = whole.split(/[:.;](?:\s|$)/);
  return first.length > 70 ? `${first.slice(0, 69)}…` : first;
}

/** Each with a name of its own: of several that are called the same, with a number. */
function named(found: readonly Element[]): readonly { readonly figure: Element; readonly name: string }[] {
  const names = found.map(nameOf);
  return found.map((figure, k) => {
    const name = names[k] as string;
    const count = names.slice(0, k + 1).filter((one) => one === name).length;
    return { figure, name: names.indexOf(name) === names.lastIndexOf(name) ? name : fill(own.nth, { name, count }) };
  });
}

/** Such as "unrolled-learn-perceptron-one-neuron". */
const fileNameOf = (name: string): string =>
  ["unrolled", ...location.hash.replace(/^#\/|\?.*/g, "").split("/"), name]
    .map((part) =>
      decodeURIComponent(part)
        .toLowerCase()
        .replace(/[^\p{Letter}\p{Number}]+/gu, "-")
        .replace(/^-+|-+$/g, ""),
    )
    .filter((part) => part !== "")
    .join("-")
    .slice(0, 100);

const kinds = {
  svg: { title: "SVG", label: own.asSvg, type: "image/svg+xml" },
  png: { title: "PNG", label: own.asPng, type: "image/png" },
} as const;
type Kind = keyof typeof kinds;

type Told = { readonly text: string; readonly isError: boolean };

/** Folded up at the end of each view. */
export function Pictures() {
  const [isOpen, setOpen] = useState(false);
  const [found, setFound] = useState<readonly Element[]>([]);
  const [told, setTold] = useState<Told | undefined>();
  // What is drawn changes at any time: while the list is open it is made anew.
  useEffect(() => {
    if (!isOpen) return;
    const look = (): void =>
      setFound((before) => {
        const now = figuresIn(document.getElementById("main") as Element).filter(
          (one) => one.clientWidth !== 0 || one instanceof SVGElement,
        );
        return now.length === before.length && now.every((one, k) => one === before[k]) ? before : now;
      });
    look();
    const timer = setInterval(look, 500);
    return () => clearInterval(timer);
  }, [isOpen]);
  const keep = async (figure: Element, name: string, kind: Kind): Promise<void> => {
    try {
      const { pictureOf, pngOf, scaleOf } = await loadPicture();
      const picture = pictureOf(figure);
      const file = `${fileNameOf(name)}.${kind}`;
      download(file, kind === "png" ? await pngOf(picture) : picture.svg, kinds[kind].type);
      const scale = scaleOf(picture.width, picture.height);
      const small = kind === "png" && scale < 2 ? fill(own.smaller, { scale: scale.toFixed(2) }) : "";
      setTold({
        text: [fill(own.saved, { file }), picture.cut ?? "", small].filter(Boolean).join(" "),
        isError: false,
      });
    } catch (error) {
      setTold({ text: fill(own.failed, { reason: messageOf(error) }), isError: true });
    }
  };
  /** The figure that is meant is marked. */
  const mark = (figure: Element, isMarked: boolean): void => {
    figure.classList.toggle("picture-meant", isMarked);
  };
  return (
    <details class="pictures" data-not-saved onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{own.title}</summary>
      <p class="soft small">{own.about}</p>
      {isOpen && found.length === 0 && <p>{own.none}</p>}
      <ul>
        {isOpen &&
          named(found).map(({ figure, name }, k) => {
            return (
              <li
                key={k}
                onPointerEnter={() => mark(figure, true)}
                onPointerLeave={() => mark(figure, false)}
                onFocusIn={() => mark(figure, true)}
                onFocusOut={() => mark(figure, false)}
              >
                <span>{name}</span>
                {(Object.keys(kinds) as Kind[]).map((kind) => (
                  <button
                    key={kind}
                    type="button"
                    class="small"
                    aria-label={fill(kinds[kind].label, { name })}
                    onClick={() => keep(figure, name, kind)}
                  >
                    {kinds[kind].title}
                  </button>
                ))}
              </li>
            );
          })}
      </ul>
      <p role="status" class={told?.isError ? "error" : undefined}>
        {told?.text}
      </p>
    </details>
  );
}
