/**
 * The Models view: the reader's models, and the gallery of built-in cells with their costs and their speed on this
 * machine.
 */
import "./models.css";
import type { View } from "../../address.ts";
import { texts } from "../../texts/texts.ts";
import { CellGallery } from "./cell-gallery.tsx";
import { OwnModels } from "./own-models.tsx";

const Models: View = () => (
  <>
    <h1>{texts.modelsView.title}</h1>
    <OwnModels />
    <CellGallery />
  </>
);
export default Models;
