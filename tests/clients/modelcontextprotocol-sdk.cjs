// Call tools with the TypeScript SDK of the Model Context Protocol, and print the results as JSON.
//
//     node modelcontextprotocol-sdk.cjs TARGET < CALLS
//
// TARGET is the URL of an endpoint, or a command as a JSON list.  CALLS is a JSON list of [name, arguments].
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");

async function main() {
  const target = process.argv[2];
  const [command, ...args] = target.startsWith("[") ? JSON.parse(target) : [];
  const transport = command
    ? new StdioClientTransport({ command, args, env: process.env })
    : new StreamableHTTPClientTransport(new URL(target));
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  // With the schemas of the list, the client checks the result of each call.
  const { tools } = await client.listTools();
  const results = [];
  for (const [name, values] of JSON.parse(require("node:fs").readFileSync(0, "utf8"))) {
    results.push(await client.callTool({ name, arguments: values }));
  }
  await client.close();
  console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), results }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
