// Call methods of the client of the npm package mailpit-api: node mailpit-api.cjs URL [OPTIONS of the client, as JSON]
//
// Standard input is [[method, arguments…], …] in JSON.  Standard output is the list of results, or {"error": …} for a
// call that failed.
const { MailpitClient } = require("mailpit-api");
const [url, options] = process.argv.slice(2);
const calls = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const client = new MailpitClient(url, JSON.parse(options ?? "{}"));
(async () => {
  const results = [];
  for (const [method, ...values] of calls) {
    try {
      const result = await client[method](...values);
      results.push(result instanceof Blob
        ? { type: result.type, base64: Buffer.from(await result.arrayBuffer()).toString("base64") } : result);
    } catch (error) {
      results.push({ error: error.message });
    }
  }
  console.log(JSON.stringify(results));
})();
