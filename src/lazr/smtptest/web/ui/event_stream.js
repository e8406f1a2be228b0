/** The live connection to the server: a WebSocket that comes back by itself. */

import { url } from "./api.js";
import { state } from "./state.js";
import { reportErrors } from "./toast.js";

const INITIAL_RETRY_MILLISECONDS = 500;
const MAX_RETRY_MILLISECONDS = 15_000;

let retry = INITIAL_RETRY_MILLISECONDS;
let hasBeenLive = false;

/** Connect, and connect again with growing pauses whenever the connection ends. */
export function startEventStream() {
  let isOpen = false;
  const socket = new WebSocket(new URL(url("/api/events"), location.href.replace(/^http/, "ws")));
  socket.addEventListener("open", () => {
    isOpen = true;
    retry = INITIAL_RETRY_MILLISECONDS;
    state.setConnection("live");
    if (hasBeenLive) {
      reportErrors(() => state.loadConfiguration(), { isRepeated: true }); // it may be another server, or another login
      state.emit("resync"); // events were missed
    }
    hasBeenLive = true;
  });
  socket.addEventListener("message", (event) => handleEvent(JSON.parse(event.data)));
  socket.addEventListener("close", () => {
    state.setConnection("offline");
    // A WebSocket does not tell why it was refused. If the login has ended, this request leads to the login.
    if (!isOpen) state.loadConfiguration().catch(() => {}); // all else is tried again below
    setTimeout(startEventStream, retry * (1 + Math.random() / 2)); // not all pages at once after a restart
    retry = Math.min(2 * retry, MAX_RETRY_MILLISECONDS);
  });
}

/** @param {{Type: string, Data: any}} event */
function handleEvent({ Type: type, Data: data }) {
  if (type === "new" || type === "update" || type === "delete") state.emit(type, data);
  else if (type === "prune" || type === "truncate") state.emit("resync");
  else if (type === "stats") state.setTotals(data.Total, data.Unread);
  else if (type === "rules") state.setRules(data.Active, data.Calls);
}
