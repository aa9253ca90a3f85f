/** The room Models: the reader's own, and the zoo of cells with what each costs and how fast it is here. */
import "./models.css";
import type { Room } from "../../address.ts";
import { OwnModels } from "./own-models.tsx";
import { Zoo } from "./zoo.tsx";

const Models: Room = () => (
  <>
    <h1>Models</h1>
    <OwnModels />
    <Zoo />
  </>
);
export default Models;
