// Call methods of the client of the npm package mailhog: node mailhog.cjs HOST PORT
//
// Standard input is [[method, arguments…], …] in JSON.  Standard output is the list of results, or {"error": …} for a
// call that failed.  A mail has the values that the client decodes; a response without a body is its status.
const mailhog = require("mailhog");
const [host, port] = process.argv.slice(2);
const calls = JSON.parse(require("fs").readFileSync(0, "utf-8"));
const client = mailhog({ host, port });
const DECODED = ["ID", "from", "to", "cc", "bcc", "replyTo", "subject", "text", "html", "date", "deliveryDate"];

function describe(mail) {
  const values = Object.fromEntries(DECODED.map((name) => [name, mail[name]]));
  values.attachments = mail.attachments.map(({ name, type, encoding, Body }) => ({ name, type, encoding, Body }));
  return values;
}

(async () => {
  const results = [];
  for (const [method, ...values] of calls) {
    try {
      const result = await client[method](...values);
      if (result?.items) results.push({ ...result, items: result.items.map(describe) });
      else if (result?.Content) {
        results.push(describe(result));
      } else results.push(result?.statusCode ?? result ?? null);
    } catch (error) {
      results.push({ error: error.message });
    }
  }
  console.log(JSON.stringify(results));
})();
