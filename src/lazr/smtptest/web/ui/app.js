/** The entry: load the elements of the first view, and start what runs as long as the page is open. */

import { startKeyboard } from "./actions.js";
import "./app_shell.js";
import { custom } from "./dom.js";
import { startEventStream } from "./event_stream.js";
import "./inbox_page.js";
import "./mailbox_switcher.js";
import "./message_list.js";
import { startNotifications } from "./notifications.js";
import { router } from "./router.js";
import "./search_box.js";
import { state } from "./state.js";
import { reportErrors } from "./toast.js";

router.start();
startKeyboard();
startNotifications();
document.body.append(custom("app-shell"));
startEventStream();
reportErrors(() => state.loadConfiguration());
