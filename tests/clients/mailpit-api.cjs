// Calls methods of the client that mailpit-api is: node mailpit-api.cjs URL, with [[method, arguments…], …] on stdin.
// Says what each gave, or {"error": …}.
const { MailpitClient } = require("mailpit-api");
const [url, options] = process.argv.slice(2);
const calls = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const client = new MailpitClient(url, JSON.parse(options ?? "{}"));
(async () => {
  const said = [];
  for (const [method, ...given] of calls) {
    try {
      const result = await client[method](...given);
      said.push(result instanceof Blob
        ? { type: result.type, base64: Buffer.from(await result.arrayBuffer()).toString("base64") } : result);
    } catch (error) {
      said.push({ error: error.message });
    }
  }
  console.log(JSON.stringify(said));
})();
