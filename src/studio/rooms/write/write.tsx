/** The room Write. */
import type { Room } from "../../shell.tsx";

const Write: Room = () => <h1>Write</h1>;
export default Write;
