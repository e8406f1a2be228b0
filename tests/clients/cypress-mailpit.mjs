// Call commands of cypress-mailpit: node cypress-mailpit.mjs PATH/MailpitCommands.mjs URL
//
// Standard input is [[command, arguments…], …] in JSON; the argument "$n" is the result of call n.  Standard output is
// the list of results, or {"error": …} for a call that failed.
//
// The code of cypress-mailpit is unchanged, but `cy` is a small substitute for Cypress: chains are promises, and requests
// use fetch with the documented behavior of cy.request (JSON bodies, `qs`, failure on a status outside 2xx and 3xx).
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [file, url] = process.argv.slice(2);
globalThis.Cypress = { expose: () => url, config: () => 4000 };
globalThis.cy = {
  env: async () => ({}),
  wrap: async (value) => value,
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  request: async ({ method, url, qs, body }) => {
    const target = new URL(url);
    for (const [name, value] of Object.entries(qs ?? {})) target.searchParams.set(name, value);
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(target, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status}: ${text}`);
    const isJson = (response.headers.get("content-type") ?? "").startsWith("application/json");
    return { status: response.status, body: isJson ? JSON.parse(text) : text };
  },
};
const { MailpitCommands } = await import(pathToFileURL(file));
const commands = new MailpitCommands();
const results = [];
for (const [name, ...templates] of JSON.parse(readFileSync(0, "utf-8"))) {
  const values = templates.map((value) => (/^\$\d+$/.test(value) ? results[Number(value.slice(1))] : value));
  try {
    results.push((await commands[name](...values)) ?? null);
  } catch (error) {
    results.push({ error: error.message });
  }
}
console.log(JSON.stringify(results));
