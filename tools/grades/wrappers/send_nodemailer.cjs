// Send with nodemailer: one transport, `sendMail` for each message; several messages use the pool.
const fs = require("node:fs");
const nodemailer = require("nodemailer");

const env = process.env;
const timeout = Number(env.SMTP_TIMEOUT) * 1000;
const messages = env.SMTP_MESSAGES.split(" ");
const transport = nodemailer.createTransport({
  host: env.SMTP_HOST,
  port: Number(env.SMTP_PORT),
  secure: env.SMTP_SECURITY === "implicit",
  requireTLS: env.SMTP_SECURITY === "starttls",
  ignoreTLS: env.SMTP_SECURITY === "none",
  tls: env.SMTP_SECURITY === "none" ? {} : { ca: fs.readFileSync(env.SMTP_CA_FILE) },
  auth: env.SMTP_USERNAME ? { user: env.SMTP_USERNAME, pass: env.SMTP_PASSWORD } : undefined,
  connectionTimeout: timeout,
  greetingTimeout: timeout,
  socketTimeout: timeout,
  pool: messages.length > 1,
  maxConnections: 1,
});

// The fields and the text of a message, for nodemailer to compose it again.
function readMessage(path) {
  const [header, ...text] = fs.readFileSync(path, "utf8").split(/\r?\n\r?\n/);
  const fields = Object.fromEntries(header.split(/\r?\n/).map((line) => line.split(/: (.*)/, 2)));
  return {
    from: fields.From, to: fields.To, subject: fields.Subject, date: fields.Date, messageId: fields["Message-ID"],
    text: text.join("\n\n"),
  };
}

function isTemporary(error) {
  return error.responseCode >= 400 && error.responseCode < 500;
}

async function main() {
  const errors = [];
  for (const path of messages) {
    const info = await transport.sendMail(readMessage(path));
    errors.push(...(info.rejectedErrors ?? []));
  }
  return errors;
}

main()
  .catch((error) => error.rejectedErrors ?? [error])
  .then((errors) => {
    transport.close();
    for (const error of errors) console.error(error.message);
    if (errors.length > 0) process.exitCode = errors.every(isTemporary) ? 75 : 1;
  });
