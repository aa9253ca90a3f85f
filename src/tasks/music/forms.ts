/** The forms of music models: a new one is an object and a line here. */
import { eventsForm } from "./events-form.ts";
import type { Form } from "./form.ts";
import { rollForm } from "./roll-form.ts";
import type { MusicForm } from "./settings.ts";

export const forms: { readonly [K in MusicForm]: Form } = { events: eventsForm, roll: rollForm };
