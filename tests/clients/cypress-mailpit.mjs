// Calls commands of cypress-mailpit: node cypress-mailpit.mjs ITS/MailpitCommands.mjs URL, with
// [[command, arguments…], …] on stdin; "$n" as an argument is what the n-th call gave.  Says what each gave.
//
// Its code runs as it is.  What is not Cypress is the `cy` beneath it: requests are made by fetch, with what
// cy.request documents (JSON bodies, `qs`, failure on a status that is none of 2xx and 3xx), and chains are promises.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [file, url] = process.argv.slice(2);
globalThis.Cypress = { expose: () => url, config: () => 4000 };
globalThis.cy = {
  env: async () => ({}),
  wrap: async (value) => value,
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  request: async ({ method, url, qs, body }) => {
    const asked = new URL(url);
    for (const [name, value] of Object.entries(qs ?? {})) asked.searchParams.set(name, value);
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const answer = await fetch(asked, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status}: ${text}`);
    const isJson = (answer.headers.get("content-type") ?? "").startsWith("application/json");
    return { status: answer.status, body: isJson ? JSON.parse(text) : text };
  },
};
const { MailpitCommands } = await import(pathToFileURL(file));
const commands = new MailpitCommands();
const said = [];
for (const [name, ...given] of JSON.parse(readFileSync(0, "utf-8"))) {
  const filled = given.map((one) => (/^\$\d+$/.test(one) ? said[Number(one.slice(1))] : one));
  try {
    said.push((await commands[name](...filled)) ?? null);
  } catch (error) {
    said.push({ error: error.message });
  }
}
console.log(JSON.stringify(said));
