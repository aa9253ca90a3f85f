/** The room Models. */
import type { Room } from "../../shell.tsx";

const Models: Room = () => <h1>Models</h1>;
export default Models;
