/** The frame of every view: the navigation, the theme, and the view itself, which is loaded when it is opened. */
import { useEffect, useRef } from "preact/hooks";
import { linkTo, useAddress, type View, type ViewName, viewNames } from "./address.ts";
import { Failed } from "./components/failed.tsx";
import { useTheme } from "./components/theme.ts";
import { useLoaded } from "./loading.ts";
import { useNotices } from "./notices.ts";

const icon = new URL("./icon.svg", import.meta.url).href;

const views: Readonly<Record<ViewName, { title: string; load: () => Promise<{ readonly default: View }> }>> = {
  learn: { title: "Learn", load: () => import("./views/learn/learn.tsx") },
  lab: { title: "Lab", load: () => import("./views/lab/lab.tsx") },
  toys: { title: "Toys", load: () => import("./views/toys/toys.tsx") },
  inspect: { title: "Inspect", load: () => import("./views/inspect/inspect.tsx") },
  write: { title: "Write", load: () => import("./views/write/write.tsx") },
  forecast: { title: "Forecast", load: () => import("./views/forecast/forecast.tsx") },
  listen: { title: "Listen", load: () => import("./views/listen/listen.tsx") },
  tracks: { title: "Tracks", load: () => import("./views/tracks/tracks.tsx") },
  sentences: { title: "Sentences", load: () => import("./views/sentences/sentences.tsx") },
  music: { title: "Music", load: () => import("./views/music/music.tsx") },
  models: { title: "Models", load: () => import("./views/models/models.tsx") },
};

export function Shell() {
  const address = useAddress();
  const { title, load } = views[address.view];
  const { value: Entered, error, retry } = useLoaded(address.view, async () => (await load()).default);
  const main = useRef<HTMLElement>(null);
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
    document.title = `${heading ?? title} · Unrolled studio`;
    if (!here || before.current === place) return;
    before.current = place;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [place, here, title]);

  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the view
      </button>
      <header class="top">
        <a class="name" href={linkTo("learn")}>
          <img src={icon} alt="" width="28" height="28" />
          Unrolled
        </a>
        <nav aria-label="Views">
          {viewNames.map((name) => (
            <a key={name} href={linkTo(name)} aria-current={name === address.view ? "page" : undefined}>
              {views[name].title}
            </a>
          ))}
        </nav>
        <ThemeButton />
      </header>
      <main id="main" class={`view-${address.view}`} ref={main} tabIndex={-1} aria-busy={!here}>
        <Notices />
        {link !== undefined && <Linked link={link} />}
        {Entered !== undefined && <Entered address={address} />}
        {error !== undefined && <Failed error={`The ${title} view did not load.`} onRetry={retry} />}
        {!here && error === undefined && <p class="soft loading">{title} …</p>}
      </main>
    </>
  );
}

/** For a page that was opened with `?model=https://...`. */
const link = new URLSearchParams(location.search).get("model") ?? undefined;

function Linked(props: { readonly link: string }) {
  const { value, error, retry } = useLoaded("linked", () => import("./models/linked-model.tsx"));
  if (error !== undefined) return <Failed error="What loads the model of the link did not load." onRetry={retry} />;
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
    <button type="button" class="quiet theme" aria-label={`Use ${next} colours`} onClick={() => setTheme(next)}>
      <span aria-hidden="true">{theme === "dark" ? "☀" : "☾"}</span>
    </button>
  );
}
