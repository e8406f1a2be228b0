// The mails of an application, caught in a container: npm install && npm test
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import nodemailer from "nodemailer";
import { GenericContainer, Wait } from "testcontainers";

const SMTP_PORT = 1025;
const HTTP_PORT = 8025;
let container;
let smtp;
let api;

before(async () => {
  container = await new GenericContainer("smtptest")
    .withEnvironment({ SMTPTEST_SERVE_DATABASE: "memory:" })
    .withExposedPorts(SMTP_PORT, HTTP_PORT)
    .withWaitStrategy(Wait.forHttp("/readyz", HTTP_PORT).forStatusCode(200))
    .start();
  smtp = { host: container.getHost(), port: container.getMappedPort(SMTP_PORT) };
  api = `http://${container.getHost()}:${container.getMappedPort(HTTP_PORT)}/api/v1`;
});

after(() => container?.stop());

// Your application.
async function signup(address) {
  const transport = nodemailer.createTransport(smtp);
  await transport.sendMail({ from: "app@example.com", to: address, subject: "Welcome", text: "Your code is 123456" });
  transport.close();
}

test("the welcome mail has a code", async () => {
  await signup("ann@example.com");

  // The server answers when the mail is there, or with 404 after 10 seconds and the reason.
  const response = await fetch(`${api}/wait?query=${encodeURIComponent("to:=ann@example.com")}&timeout=10`);
  assert.equal(response.status, 200, await response.clone().text());
  const { messages } = await response.json();
  assert.equal(messages[0].Subject, "Welcome");

  const mail = await (await fetch(`${api}/message/${messages[0].ID}`)).json();
  assert.match(mail.Text, /123456/);
});
