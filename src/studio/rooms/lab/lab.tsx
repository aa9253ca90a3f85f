/** The room Lab. */
import type { Room } from "../../shell.tsx";

const Lab: Room = () => <h1>Lab</h1>;
export default Lab;
