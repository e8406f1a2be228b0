// The test asks the REST API for the mail.  The address is new in each run, so that tests can run at the same time.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test from "node:test";
import { welcome } from "./welcome.mjs";

const api = `${process.env.SMTPTEST_API ?? "http://127.0.0.1:8025"}/api/v1`;

async function waitForMail(address) {
  const found = await fetch(`${api}/wait?${new URLSearchParams({ query: `to:=${address}`, timeout: 30 })}`);
  assert.equal(found.status, 200, await found.clone().text());
  const { messages } = await found.json();
  return (await fetch(`${api}/message/${messages[0].ID}`)).json();
}

test("a new customer gets a link to confirm the address", async () => {
  const address = `ann-${randomUUID().slice(0, 8)}@example.com`;
  await welcome(address);

  const mail = await waitForMail(address);
  assert.equal(mail.Subject, "Welcome");
  assert.match(mail.HTML, /https:\/\/shop\.example\/c\/42/);
});

test("a full mailbox is an error", async () => {
  const address = `ann-${randomUUID().slice(0, 8)}@example.com`;
  const reply = { reply: [452, "4.2.2", "Mailbox full"], times: 1 };
  const rule = { when: "RCPT", match: { to: address }, do: [reply] };
  const headers = { "Content-Type": "application/json" };
  const added = await fetch(`${api}/rules`, { method: "POST", headers, body: JSON.stringify(rule) });
  assert.ok(added.ok, await added.text());

  await assert.rejects(welcome(address), { code: "EENVELOPE", responseCode: 452 });
});
