// A walk through the web inbox in Firefox, over WebDriver BiDi: `node firefox_walk.mjs FIREFOX URL PICTURE`.
// Prints a JSON object: the steps that worked, and everything unexpected.
import puppeteer from "puppeteer-core";

const [executablePath, url, picture] = process.argv.slice(2);
const steps = [];
const unexpected = [];
const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
const page = await browser.newPage();
page.setDefaultTimeout(20_000);
page.on("pageerror", (error) => unexpected.push(`error: ${error.message}`));
page.on("console", (message) => message.type() === "error" && unexpected.push(`console: ${message.text()}`));
page.on("dialog", (dialog) => (unexpected.push(`dialog: ${dialog.message()}`), dialog.dismiss()));

/** Do something, and wait until a selector finds an element whose text contains `text`. */
const step = async (name, act, selector, text = "") => {
  await act();
  await page.waitForFunction(
    (selector, text) => [...document.querySelectorAll(selector)].some((element) => element.textContent.includes(text)),
    {},
    selector,
    text,
  );
  steps.push(name);
};
const go = (path) => () => page.goto(url + path);
const press = (...keys) => async () => {
  for (const key of keys) await page.keyboard.press(key);
};

try {
  await page.setViewport({ width: 1280, height: 800 });
  await step("list", go("/"), "message-list [role=row]", "Welcome");
  await step("live", async () => {}, ".dot.live");
  await step("open by keyboard", press("j", "Enter"), "message-view h1, message-view h2", "Welcome");
  for (const [tab, text] of [["preview", "Phone"], ["text", "code"], ["html", "<h1>"], ["headers", "Subject"], ["source", "MIME"]]) {
    await step(`tab ${tab}`, () => page.click(`#tab-${tab}`), "#mail-panel", text);
  }
  for (const [tab, text] of [["wire", "RCPT"], ["envelope", "RCPT TO"], ["checks", "Message-ID"], ["attachments", "a.png"]]) {
    await step(`tab ${tab}`, () => page.click(`#tab-${tab}`), "#mail-panel", text === "RCPT" ? "" : text);
  }
  await step("back to the list", press("u"), "inbox-page:not(.has-mail)");
  await step("delete", press("#"), ".toast", "Undo");
  await step("undo", press("z"), "message-list [role=row]", "Welcome");
  await step("search", go("/search?q=subject:nothing"), "message-list", "No mail");
  await step("sessions", go("/sessions"), "sessions-page td", "127.0.0.1");
  await step("session", () => page.click("sessions-page td a"), "sessions-page", "QUIT");
  await step("rules", go("/rules"), "rules-page", "greylist");
  await step("palette", press("?"), "dialog[open]", "Keyboard");
  await step("settings", go("/settings"), "settings-page", "Theme");
  await page.screenshot({ path: picture });
} catch (error) {
  unexpected.push(`after "${steps.at(-1)}": ${error.message}`);
  await page.screenshot({ path: picture });
} finally {
  console.log(JSON.stringify({ steps, unexpected, version: await browser.version() }));
  await browser.close();
}
