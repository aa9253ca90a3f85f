/** All jobs of the engine, by name: functions, or async generators if they have intermediate values. */

import { cellGallery } from "./cell-gallery.ts";
import { composing } from "./composing.ts";
import { experiments } from "./experiments.ts";
import { explaining } from "./explaining.ts";
import { forecasting } from "./forecasting.ts";
import { gradientLesson } from "./gradient-lesson.ts";
import { learning } from "./learning.ts";
import { listening } from "./listening.ts";
import { openModels } from "./open-models.ts";
import { reading } from "./reading.ts";
import { sentences } from "./sentences.ts";
import { states } from "./states.ts";
import { textLesson } from "./text-lesson.ts";
import { toys } from "./toys.ts";
import { tracking } from "./tracking.ts";
import { training } from "./training.ts";
import { writing } from "./writing.ts";

export const jobs = {
  ...composing,
  ...experiments,
  ...explaining,
  ...forecasting,
  ...gradientLesson,
  ...learning,
  ...listening,
  ...openModels,
  ...reading,
  ...sentences,
  ...states,
  ...textLesson,
  ...toys,
  ...tracking,
  ...training,
  ...writing,
  ...cellGallery,
};
