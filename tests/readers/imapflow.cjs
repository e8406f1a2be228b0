// Use an account with imapflow: node imapflow.cjs SETTINGS (of the client, as JSON) ACTION
//
// ACTION is "fetch", "login", "folders", "change", "append", "search" or "idle"; the script prints its result as JSON.
const { ImapFlow } = require("imapflow");

const actions = {
  async login(client) {
    return client.authenticated !== false;
  },

  async fetch(client) {
    const mails = [];
    for await (const mail of client.fetch("1:*", { source: true, envelope: true, bodyStructure: true, size: true })) {
      mails.push({
        source: mail.source.toString("base64"), subject: mail.envelope.subject, from: mail.envelope.from[0].address,
        size: mail.size, type: mail.bodyStructure.type,
      });
    }
    return mails;
  },

  async download(client) {
    const { content, meta } = await client.download("1", "2");
    const pieces = [];
    for await (const piece of content) pieces.push(piece);
    return { filename: meta.filename, content: Buffer.concat(pieces).toString("base64") };
  },

  async folders(client) {
    await client.mailboxCreate(["Späte", "Post"]);
    await client.mailboxSubscribe("Späte/Post");
    const listed = (await client.list()).map(({ path, specialUse, subscribed }) => [path, specialUse, subscribed]);
    await client.mailboxRename("Späte/Post", "Archive");
    const status = await client.status("Archive", { messages: true, uidNext: true });
    await client.mailboxDelete("Archive");
    return { listed, messages: status.messages, left: (await client.list()).map(({ path }) => path) };
  },

  async change(client) {
    await client.messageFlagsAdd("1", ["\\Flagged", "$Work"]);
    const copied = await client.messageCopy("1", "Sent");
    const moved = await client.messageMove("2", "Junk");
    await client.messageDelete("2");
    return { copied: [...copied.uidMap], moved: [...moved.uidMap] };
  },

  async append(client) {
    const content = Buffer.from(await read(process.stdin));
    const { uid } = await client.append("Drafts", content, ["\\Draft"], new Date("2026-11-02T10:00:00Z"));
    await client.mailboxOpen("Drafts");
    const mail = await client.fetchOne(String(uid), { internalDate: true }, { uid: true });
    return { date: mail.internalDate };
  },

  async search(client) {
    await client.messageFlagsAdd("1", ["\\Seen"]);
    return {
      subject: await client.search({ subject: "report" }), unseen: await client.search({ seen: false }),
      or: await client.search({ or: [{ subject: "meeting" }, { body: "numbers" }] }),
      utf8: await client.search({ body: "Grüße" }), since: await client.search({ since: new Date("2040-01-01") }),
    };
  },

  async idle(client) {
    const change = new Promise((resolve) => client.once("exists", resolve));
    const idling = client.idle();
    console.log("idling");
    const { count, prevCount } = await change;
    await client.noop(); // this ends IDLE
    await idling;
    return { count, prevCount };
  },
};

async function read(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function main([settings, action]) {
  const client = new ImapFlow({ logger: false, ...JSON.parse(settings) });
  await client.connect();
  await client.mailboxOpen("INBOX");
  console.log(JSON.stringify(await actions[action](client)));
  await client.logout();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.responseText ?? error);
  process.exit(1);
});
