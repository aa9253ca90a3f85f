/** The room Inspect. */
import type { Room } from "../../shell.tsx";

const Inspect: Room = () => <h1>Inspect</h1>;
export default Inspect;
