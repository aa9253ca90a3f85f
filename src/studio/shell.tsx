/** The frame of every view: the navigation, the theme, and the view itself, which is loaded when it is opened. */
import { useEffect, useRef } from "preact/hooks";
import { linkTo, useAddress, type View, type ViewName, viewNames } from "./address.ts";
import { Failed } from "./components/failed.tsx";
import { Pictures } from "./components/pictures.tsx";
import { useTheme } from "./components/theme.ts";
import { isEmbedded, leadOut, studioAddress, tellHeight } from "./embedded.ts";
import { useLoaded } from "./loading.ts";
import { notify, useNotices } from "./notices.ts";
import { fill, problemOfTexts, texts } from "./texts/texts.ts";

const icon = new URL("./icon.svg", import.meta.url).href;

const views: Readonly<Record<ViewName, () => Promise<{ readonly default: View }>>> = {
  learn: () => import("./views/learn/learn.tsx"),
  lab: () => import("./views/lab/lab.tsx"),
  toys: () => import("./views/toys/toys.tsx"),
  inspect: () => import("./views/inspect/inspect.tsx"),
  write: () => import("./views/write/write.tsx"),
  forecast: () => import("./views/forecast/forecast.tsx"),
  listen: () => import("./views/listen/listen.tsx"),
  tracks: () => import("./views/tracks/tracks.tsx"),
  sentences: () => import("./views/sentences/sentences.tsx"),
  music: () => import("./views/music/music.tsx"),
  models: () => import("./views/models/models.tsx"),
};
const own = texts.shell;

export const Shell = isEmbedded ? Embedded : Whole;

/** A chapter alone, in a frame of another page. */
function Embedded() {
  const address = useAddress();
  const { view, path } = address;
  const { value: Entered, error, retry } = useLoaded("learn", async () => (await views.learn()).default);
  const main = useRef<HTMLElement>(null);
  useTheme();
  useEffect(() => tellHeight(main.current as HTMLElement), []);
  const isChapter = view === "learn" && path.length > 0;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: links give a click for a key, too
    <main id="main" class="view-learn embedded" ref={main} onClick={leadOut} onAuxClick={leadOut}>
      <Notices />
      {isChapter && Entered !== undefined && <Entered address={address} />}
      {isChapter && Entered !== undefined && <Pictures key={path.join("/")} />}
      {!isChapter && <p>{own.onlyChapters}</p>}
      {error !== undefined && <Failed error={own.chapterNotLoaded} onRetry={retry} />}
      <p class="small">
        <a href={studioAddress(location.hash)} target="_blank" rel="noopener">
          {own.openInUnrolled}
        </a>
      </p>
    </main>
  );
}

function Whole() {
  const address = useAddress();
  const title = own.views[address.view];
  const { value: Entered, error, retry } = useLoaded(address.view, async () => (await views[address.view]()).default);
  const main = useRef<HTMLElement>(null);
  // A view brings texts of its own.
  useEffect(() => {
    const text = problemOfTexts();
    notify("texts", text === undefined ? undefined : { text });
  }, [Entered]);
  // Every view says whether models are stored.
  useEffect(() => {
    loadDatabase().then(
      ({ probe }) => probe(),
      () => {}, // The views that need it say so.
    );
  }, []);

  // A new view starts at its top, and a screen reader announces it.
  const place = [address.view, ...address.path].join("/");
  const before = useRef(place);
  const here = Entered !== undefined;
  useEffect(() => {
    const heading = here ? main.current?.querySelector("h1")?.textContent : undefined;
    document.title = fill(own.title, { view: heading ?? title });
    if (!here || before.current === place) return;
    before.current = place;
    scrollTo(0, 0);
    // Whoever goes through a course by its buttons stays at them.
    if (document.activeElement?.closest(".course") == null) main.current?.focus({ preventScroll: true });
  }, [place, here, title]);

  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        {own.skip}
      </button>
      <header class="top">
        <a class="name" href={linkTo("learn")}>
          <img src={icon} alt="" width="28" height="28" />
          Unrolled
        </a>
        <nav aria-label={own.navigation}>
          {viewNames.map((name) => (
            <a key={name} href={linkTo(name)} aria-current={name === address.view ? "page" : undefined}>
              {own.views[name]}
            </a>
          ))}
        </nav>
        <ThemeButton />
      </header>
      {course !== undefined && <Course file={course} part="panel" />}
      <main id="main" class={`view-${address.view}`} ref={main} tabIndex={-1} aria-busy={!here}>
        <Notices />
        {link !== undefined && <Linked link={link} />}
        {Entered !== undefined && <Entered address={address} />}
        {here && <Pictures key={place} />}
        {error !== undefined && <Failed error={fill(own.notLoaded, { view: title })} onRetry={retry} />}
        {!here && error === undefined && <p class="soft loading">{fill(own.loading, { view: title })}</p>}
      </main>
      {course !== undefined && <Course file={course} part="end" />}
    </>
  );
}

/** For a page that was opened with `?model=https://...`. */
const link = new URLSearchParams(location.search).get("model") ?? undefined;

/** For a page that was opened with `?course=course.json`. */
const course = new URLSearchParams(location.search).get("course") ?? undefined;

function Course({ file, part }: { readonly file: string; readonly part: "panel" | "end" }) {
  const { value, error, retry } = useLoaded("course", () => import("./course/panel.tsx"));
  if (error !== undefined && part === "panel") return <Failed error={texts.course.notLoaded} onRetry={retry} />;
  if (value === undefined) return null;
  return part === "panel" ? <value.CoursePanel file={file} /> : <value.CourseEnd />;
}

function Linked(props: { readonly link: string }) {
  const { value, error, retry } = useLoaded("linked", () => import("./models/linked-model.tsx"));
  if (error !== undefined) return <Failed error={own.linkNotLoaded} onRetry={retry} />;
  return value === undefined ? null : <value.default {...props} />;
}

/** Of its own: the build makes what is chained to an `import()` a part of what it waits for. */
const loadDatabase = () => import("./models/database.ts");

function Notices() {
  return (
    <div aria-live="polite">
      {useNotices().map(([name, { text, action }]) => (
        <p key={name} class="row notice">
          {text}
          {action !== undefined && (
            <button type="button" onClick={action.run}>
              {action.label}
            </button>
          )}
        </p>
      ))}
    </div>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useTheme();
  const next = theme === "dark" ? "light" : "dark";
  return (
    <button type="button" class="quiet theme" aria-label={own.colours[next]} onClick={() => setTheme(next)}>
      <span aria-hidden="true">{theme === "dark" ? "☀" : "☾"}</span>
    </button>
  );
}
