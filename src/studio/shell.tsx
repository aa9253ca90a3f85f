/** What stands around every room: the way between them, light or dark, and the room itself, loaded when it is entered. */
import { useEffect, useRef } from "preact/hooks";
import { linkTo, type Room, type RoomName, roomNames, useAddress } from "./address.ts";
import { useLoaded } from "./loading.ts";
import { useNotices } from "./notices.ts";
import { Failed } from "./parts/failed.tsx";
import { useTheme } from "./parts/theme.ts";

const icon = new URL("./icon.svg", import.meta.url).href;

const rooms: Readonly<Record<RoomName, { title: string; load: () => Promise<{ readonly default: Room }> }>> = {
  learn: { title: "Learn", load: () => import("./rooms/learn/learn.tsx") },
  lab: { title: "Lab", load: () => import("./rooms/lab/lab.tsx") },
  inspect: { title: "Inspect", load: () => import("./rooms/inspect/inspect.tsx") },
  write: { title: "Write", load: () => import("./rooms/write/write.tsx") },
  models: { title: "Models", load: () => import("./rooms/models/models.tsx") },
};

export function Shell() {
  const address = useAddress();
  const { title, load } = rooms[address.room];
  const { value: Entered, error, retry } = useLoaded(address.room, async () => (await load()).default);
  const main = useRef<HTMLElement>(null);
  // Whether models stay is said in every room.
  useEffect(() => {
    loadDatabase().then(
      ({ probe }) => probe(),
      () => {}, // The rooms that need it say so.
    );
  }, []);

  // Whoever goes somewhere else begins at its top, and hears where that is.
  const place = [address.room, ...address.path].join("/");
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
        Skip to the room
      </button>
      <header class="top">
        <a class="name" href={linkTo("learn")}>
          <img src={icon} alt="" width="28" height="28" />
          Unrolled
        </a>
        <nav aria-label="Rooms">
          {roomNames.map((name) => (
            <a key={name} href={linkTo(name)} aria-current={name === address.room ? "page" : undefined}>
              {rooms[name].title}
            </a>
          ))}
        </nav>
        <ThemeButton />
      </header>
      <main id="main" class={`room-${address.room}`} ref={main} tabIndex={-1} aria-busy={!here}>
        <Notices />
        {link !== undefined && <Linked link={link} />}
        {Entered !== undefined && <Entered address={address} />}
        {error !== undefined && <Failed error={`The room ${title} did not load.`} onRetry={retry} />}
        {!here && error === undefined && <p class="soft loading">{title} …</p>}
      </main>
    </>
  );
}

/** Of a page that was opened as `?model=https://...`. */
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
